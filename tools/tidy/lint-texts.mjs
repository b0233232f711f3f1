// Lints texts as if they stood in given files: [{ file, text }] on standard input, [[rule, …], …] as the last line of standard output: Nx may say something before.
import { text } from 'node:stream/consumers'
import { ESLint } from 'eslint'
import path from 'node:path'

const root = path.join(import.meta.dirname, '../..')
process.chdir(root)
const eslint = new ESLint({ cwd: root })
const results = []
for (const item of JSON.parse(await text(process.stdin))) {
  const [result] = await eslint.lintText(item.text, { filePath: path.join(root, item.file) })
  results.push(result.messages.map((message) => message.ruleId ?? message.message))
}
process.stdout.write(`\n${JSON.stringify(results)}`)
process.exit(0)
