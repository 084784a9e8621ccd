import { UsageError } from '../../failure.ts'
import type { Values } from '../../flags.ts'
import { dockerfileIn, type KanikoContext, readKanikoContext } from './context.ts'
import type { KanikoFlags } from './kaniko-flags.ts'

/** A call of kaniko as one of `tare build`. */
export interface BuildLine {
  readonly words: readonly string[]
  readonly context: KanikoContext
  /** Variables that replace those of the environment. */
  readonly env: Readonly<Record<string, string>>
}

/** Translates kaniko's flags. Throws for what cannot be. */
export function buildLine(flags: Values<KanikoFlags>, env: NodeJS.ProcessEnv, metadata: string): BuildLine {
  const { destination } = flags
  refuseUnknown(flags)
  if (destination.length === 0 && !flags['no-push'])
    throw new UsageError('you must provide --destination, or use --no-push', undefined, 1)
  for (const name of ['image-name-with-digest-file', 'image-name-tag-with-digest-file'] as const)
    if (destination.length === 0 && flags[name] !== undefined)
      throw new UsageError(`--${name} needs a --destination`, undefined, 1)
  const context = readKanikoContext(flags.context ?? '/workspace/', flags['context-sub-path'] ?? '', flags.git)
  const pairs = (name: string, values: readonly string[]) => values.flatMap((value) => [`--${name}`, value])
  const optional = (name: string, value: string | undefined) => (value ? [`--${name}`, value] : [])
  const git = gitSecret(env)
  return {
    context,
    env: { ...git.env, ...(flags.reproducible ? { SOURCE_DATE_EPOCH: '0' } : {}) },
    words: [
      ...optional('context-folder', context.folder),
      ...optional('file', dockerfileIn(flags.dockerfile ?? 'Dockerfile', context)),
      ...pairs('build-arg', flags['build-arg']),
      ...pairs('label', flags.label),
      ...optional('platform', flags['custom-platform'] ?? flags.customPlatform),
      ...optional('target', flags.target),
      ...outputsOf(flags),
      ...cachesOf(flags),
      ...git.words,
      ...(flags.reproducible ? ['--rewrite-timestamp'] : []),
      ...(flags['single-snapshot'] ? ['--squash'] : []),
      ...(/^(?:debug|trace)$/i.test(flags.verbosity ?? '') ? ['--debug'] : []),
      `--progress=${flags['log-format'] === 'json' ? 'rawjson' : 'plain'}`,
      ...['--metadata-file', metadata],
      context.argument,
    ],
  }
}

/** The values that kaniko knows, also of flags that change nothing here. */
const choices: readonly (readonly [keyof KanikoFlags & keyof Values<KanikoFlags>, RegExp, string])[] = [
  ['compression', /^(?:gzip|zstd)$/, 'gzip and zstd'],
  ['log-format', /^(?:text|color|json)$/, 'text, color and json'],
  [
    'verbosity',
    /^(?:panic|fatal|error|warn(?:ing)?|info|debug|trace)$/i,
    'panic, fatal, error, warn, info, debug and trace',
  ],
  ['snapshot-mode', /^(?:full|redo|time)$/, 'full, redo and time'],
  ['snapshotMode', /^(?:full|redo|time)$/, 'full, redo and time'],
]

function refuseUnknown(flags: Values<KanikoFlags>): void {
  for (const [name, known, list] of choices) {
    const value = flags[name]
    if (typeof value === 'string' && value !== '' && !known.test(value))
      throw new UsageError(`invalid --${name} "${value}"`, `The values are ${list}.`, 1)
  }
}

/** A field of a comma-separated value, with a comma of its own. */
function field(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function outputsOf(flags: Values<KanikoFlags>): readonly string[] {
  const { destination, compression } = flags
  const names = destination.length === 0 ? [] : [field(`name=${destination.join(',')}`)]
  const packed = [
    ...(compression ? [`compression=${compression}`] : []),
    ...(flags['compression-level'] ? [`compression-level=${flags['compression-level']}`] : []),
  ]
  const insecure = flags.insecure || flags['skip-tls-verify'] ? ['registry.insecure=true'] : []
  const outputs: (readonly string[])[] = []
  const tar = flags['tar-path'] ?? flags.tarPath
  const layout = flags['oci-layout-path']
  if (tar) outputs.push(['type=docker', field(`dest=${tar}`), ...names])
  if (layout) outputs.push(['type=oci', field(`dest=${layout}`), 'tar=false', ...packed])
  if (!flags['no-push']) outputs.push(['type=registry', ...names, ...packed, ...insecure])
  if (outputs.length === 0) outputs.push(['type=image', ...names])
  return outputs.flatMap((fields) => ['--output', fields.join(',')])
}

/** The cache of every step; one that cannot be written costs time only, as in kaniko. */
function cachesOf(flags: Values<KanikoFlags>): readonly string[] {
  if (!flags.cache) return []
  const [first] = flags.destination
  const repository = flags['cache-repo'] || (first && `${first.replace(/(?:@.*|:[^/:]*)$/, '')}/cache`)
  if (!repository) throw new UsageError('--cache needs a repository', 'Give --cache-repo, or a --destination.', 1)
  const path = /^oci:(.*)$/s.exec(repository)?.[1]
  const insecure = flags.insecure || flags['skip-tls-verify'] ? ',registry.insecure=true' : ''
  const from = path === undefined ? `type=registry,ref=${repository}${insecure}` : `type=local,${field(`src=${path}`)}`
  const to = path === undefined ? `type=registry,ref=${repository}${insecure}` : `type=local,${field(`dest=${path}`)}`
  const leave = flags['no-push-cache'] ? [] : ['--cache-to', `${to},mode=max,ignore-error=true`]
  return ['--cache-from', from, ...leave]
}

/** GIT_TOKEN, or GIT_USERNAME and GIT_PASSWORD, as the secret that git contexts read. */
function gitSecret({ GIT_TOKEN, GIT_USERNAME, GIT_PASSWORD }: NodeJS.ProcessEnv) {
  const pair = GIT_PASSWORD ? `${GIT_USERNAME ?? ''}:${GIT_PASSWORD}` : GIT_TOKEN && `x-access-token:${GIT_TOKEN}`
  if (!pair) return { env: {}, words: [] }
  const header = `basic ${Buffer.from(pair).toString('base64')}`
  return { env: { TARE_GIT_HEADER: header }, words: ['--secret', 'id=GIT_AUTH_HEADER,env=TARE_GIT_HEADER'] }
}
