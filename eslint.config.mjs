import { createProjectGraphAsync } from '@nx/devkit'
import nx from '@nx/eslint-plugin'
import tseslint from 'typescript-eslint'

// Without a project graph the rule of the boundaries is skipped with no more than a warning, as in a clean clone.
process.env.NX_DAEMON = 'false'
await createProjectGraphAsync({ exitOnError: false })

// Who may depend on whom (docs/architecture.md). Tags are in each package.json under "nx".
const directions = [
  ['type:protocol', ['type:kit']],
  ['type:kit', []],
  ['type:demo', ['type:kit']],
  ['type:contract', []],
  ['type:engine', ['type:contract', 'type:kit', 'type:engine']],
  ['type:registry', ['type:kit', 'type:protocol']],
  ['type:platform', ['type:contract', 'type:platform']],
  ['type:app', ['type:contract', 'type:kit', 'type:engine', 'type:registry', 'type:platform']],
  ['type:composition', ['type:app', 'type:contract', 'type:kit', 'type:engine', 'type:registry', 'type:platform']],
  ['type:testing', ['type:contract', 'type:platform']],
]
const fromSpecs = ['type:testing', 'type:app', 'type:protocol', 'type:registry', 'type:platform', 'type:engine', 'type:contract', 'type:kit']

// Specs of the platform use the test servers, and those stand on the platform.
const testedByTesting = ['embedded', 'messaging', 'persistence', 'runtime', 'configuration', 'identity', 'contracts']

const boundaries = (constraints, extra = {}) => ['error', {
  allow: [],
  enforceBuildableLibDependency: false,
  ignoredCircularDependencies: testedByTesting.map((name) => [`@sallyport/${name}`, '@sallyport/testing']),
  depConstraints: constraints.map(([sourceTag, onlyDependOnLibsWithTags]) => ({ sourceTag, onlyDependOnLibsWithTags })),
  ...extra,
}]

const IO_MODULES = ['net', 'tls', 'fs', 'fs/promises', 'http', 'https', 'http2', 'dns', 'dns/promises', 'dgram', 'child_process', 'cluster', 'worker_threads']
const pure = {
  paths: IO_MODULES.flatMap((name) => [`node:${name}`, name]).map((name) => ({ name, message: 'Protocols, kit, contracts and engines are pure: no input or output.' })),
  patterns: [{ group: ['@nestjs/*', 'kysely', 'kysely/*', 'pg', 'pg-*', '@nats-io/*', 'nats', 'pino', 'express'], message: 'Protocols, kit, contracts and engines are pure: no framework, no database, no bus.' }],
}

const specs = ['**/*.spec.ts', '**/test/**/*.ts', 'e2e/**/*.ts', 'bench/**/*.ts', 'tools/**/*.ts', 'libs/protocols/kit/src/testing/**/*.ts']

const forms = [
  { selector: 'ClassDeclaration[superClass]:not([superClass.name=/Error$/])', message: 'extends is for Error only: compose instead.' },
  { selector: 'ExportAllDeclaration', message: 'Name what a package exports.' },
  { selector: 'TSEnumDeclaration', message: 'A readonly union of literals instead of an enum.' },
]
const fewDependencies = { selector: 'MethodDefinition[kind="constructor"] > FunctionExpression[params.length>5]', message: 'At most five constructor dependencies.' }

const style = {
  'max-lines': ['error', { max: 400 }],
  'max-lines-per-function': ['error', { max: 70, IIFEs: true }],
  'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true, namedFrom: true, namespaceFrom: true } }],
  'no-restricted-syntax': ['error', ...forms, fewDependencies],
  'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'Only config.ts and main.ts read the environment.' }],
  semi: ['error', 'never'],
  eqeqeq: 'error',
  'no-console': 'error',
  'prefer-const': 'error',
  '@typescript-eslint/no-explicit-any': 'error',
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
}

const config = [
  { ignores: ['**/node_modules/**', '**/dist/**', '.sallyport/**', '.nx/**', 'coverage/**', '**/*.mjs', '**/*.js', '**/*.cjs'] },
  { linterOptions: { reportUnusedDisableDirectives: 'off' } },
  {
    files: ['**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    plugins: { '@typescript-eslint': tseslint.plugin, '@nx': nx },
    rules: { ...style, '@nx/enforce-module-boundaries': boundaries(directions) },
  },
  {
    files: ['libs/protocols/*/src/**/*.ts', 'libs/contracts/src/**/*.ts', 'libs/policy-engine/src/**/*.ts', 'libs/masking-engine/src/**/*.ts', 'libs/sealing/src/**/*.ts'],
    ignores: specs,
    rules: { 'no-restricted-imports': ['error', pure] },
  },
  { files: ['**/config.ts', '**/main.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: specs,
    rules: {
      'max-lines-per-function': 'off',
      'max-lines': ['error', { max: 600 }],
      'no-restricted-properties': 'off',
      'no-restricted-syntax': ['error', ...forms],
      'no-console': 'off',
      '@nx/enforce-module-boundaries': boundaries([...directions.map(([tag]) => [tag, fromSpecs])], { allow: ['.*/e2e/harness/[a-z-]+\\.js'] }),
    },
  },
]

export default config
