import { nameSchema, type Fault } from '@sallyport/contracts/change'
import {
  agentSpecSchema, connectionObjectSchema, durabilitySchema, issuerSpecSchema, recordingSchema, roleBindingSpecSchema, targetSchema, type ApplyRequest,
} from '@sallyport/contracts/directory'
import { maskingRuleSpecSchema } from '@sallyport/contracts/masking'
import { z } from 'zod'
import { checked, readDocuments, type ConfigurationObject } from './documents.js'

export interface ConfigurationFile {
  readonly path: string
  readonly text: string
}

/** Where a target's secret comes from. Whoever applies reads it and seals it before it leaves. */
export const secretSourceSchema = z.union([
  z.object({ value: z.string() }).strict(),
  z.object({ env: z.string().min(1) }).strict(),
  z.object({ file: z.string().min(1) }).strict(),
], { error: 'must be one of value, env or file (vault: is not supported yet)' })
export type SecretSource = z.infer<typeof secretSourceSchema>

/** Where a connection's secret is written, and what the gateway then shows the target. At most one of them is given. */
export const secretFields = [
  { field: 'password', kind: 'password' },
  { field: 'privateKey', kind: 'private-key' },
  { field: 'certificateAuthority', kind: 'certificate-authority' },
] as const

const connectionSpecSchema = z.object({
  protocol: z.string().min(1),
  target: targetSchema,
  credentials: z.object({
    username: z.string().min(1).max(128), password: secretSourceSchema.optional(), privateKey: secretSourceSchema.optional(), certificateAuthority: secretSourceSchema.optional(),
  }).strict().refine((given) => secretFields.filter(({ field }) => given[field] !== undefined).length <= 1, 'has one of password, privateKey and certificateAuthority'),
  durability: durabilitySchema.default('stored'),
  recording: recordingSchema,
  options: z.record(z.string(), z.unknown()).default({}),
}).strict()

/** A connection whose secret has not been read and sealed yet. */
export interface UnsealedConnection {
  readonly name: string
  readonly labels: Record<string, string>
  readonly spec: z.output<typeof connectionSpecSchema>
  readonly file: string
  readonly line: number
}

export interface Configuration {
  readonly issuers: ApplyRequest['issuers']
  readonly roleBindings: ApplyRequest['roleBindings']
  readonly agents: ApplyRequest['agents']
  readonly maskingRules: ApplyRequest['maskingRules']
  readonly policies: ApplyRequest['policies']
  readonly connections: UnsealedConnection[]
}

const kinds = ['Issuer', 'RoleBinding', 'Connection', 'Agent', 'MaskingRule'] as const

/** Reads every `*.yaml` and `*.cedar` of a configuration. Pure; everything that is wrong is a fault with file, line and field, and nothing is applied then. */
export const parseConfiguration = (files: readonly ConfigurationFile[]): { configuration: Configuration; faults: Fault[] } => {
  const faults: Fault[] = []
  const configuration: Configuration = { issuers: [], roleBindings: [], agents: [], maskingRules: [], policies: [], connections: [] }
  const seen = new Map<string, string>()
  for (const { path, text } of files) {
    if (path.endsWith('.cedar')) {
      addPolicy(path, text, configuration, faults)
      continue
    }
    const read = readDocuments(path, text)
    faults.push(...read.faults)
    for (const object of read.objects) {
      const name = checked(nameSchema, object.name, object, ['metadata', 'name'], faults)
      const twin = seen.get(`${object.kind}/${object.name}`)
      if (twin !== undefined) faults.push({ file: object.file, line: object.line, field: 'metadata.name', message: `there is another ${object.kind} "${object.name}" in ${twin}` })
      seen.set(`${object.kind}/${object.name}`, `${object.file}:${object.line}`)
      if (name !== undefined) addObject(object, configuration, faults)
    }
  }
  return { configuration, faults }
}

const addPolicy = (file: string, text: string, configuration: Configuration, faults: Fault[]): void => {
  const name = file.replace(/^.*\//, '').replace(/\.cedar$/, '')
  const parsed = nameSchema.safeParse(name)
  if (!parsed.success) return void faults.push({ file, message: `the file's name is the policy document's name: ${parsed.error.issues[0]!.message}` })
  const twin = configuration.policies.find((policy) => policy.name === name)
  if (twin !== undefined) return void faults.push({ file, message: `${twin.file ?? 'another file'} has the same name: policy documents are named by their files` })
  configuration.policies.push({ name, text, file })
}

const addObject = (object: ConfigurationObject, configuration: Configuration, faults: Fault[]): void => {
  const { kind, name, file, line } = object
  const spec = <S extends z.ZodType>(schema: S): z.output<S> | undefined => checked(schema, object.spec, object, ['spec'], faults)
  const add = <T>(list: { name: string; spec: T; file?: string | undefined; line?: number | undefined }[], value: T | undefined): void => {
    if (value !== undefined) list.push({ name, spec: value, file, line })
  }
  if (kind !== 'Connection' && (kinds as readonly string[]).includes(kind) && object.labels !== undefined) faults.push({ file, line: object.lineOf(['metadata', 'labels']), field: 'metadata.labels', message: 'only connections have labels' })
  switch (kind as (typeof kinds)[number]) {
    case 'Issuer': return add(configuration.issuers, spec(issuerSpecSchema))
    case 'RoleBinding': return add(configuration.roleBindings, spec(roleBindingSpecSchema))
    case 'Agent': return add(configuration.agents, spec(agentSpecSchema))
    case 'MaskingRule': return add(configuration.maskingRules, spec(maskingRuleSpecSchema))
    case 'Connection': {
      const labels = checked(connectionObjectSchema.shape.labels, object.labels ?? {}, object, ['metadata', 'labels'], faults)
      const value = spec(connectionSpecSchema)
      if (labels !== undefined && value !== undefined) configuration.connections.push({ name, labels, spec: value, file, line })
      return
    }
    default: return void faults.push({ file, line, field: 'kind', message: `"${kind}" is not supported; there are ${kinds.join(', ')}` })
  }
}
