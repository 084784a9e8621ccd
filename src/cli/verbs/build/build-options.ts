import type { BuildOptions, ContextSource, NamedContext } from '../../../index.ts'
import type { Call } from '../../command.ts'
import { Failure, UsageError } from '../../failure.ts'
import { sizeOf } from '../../flags.ts'
import { inputBytes, inputWhole } from '../../input.ts'
import { readStatements } from './attest-flags.ts'
import type { BuildFlags } from './build-flags.ts'
import { readCacheDestination, readCacheSource } from './cache-flags.ts'
import { isAddress, readContextFlag, readHostFlag, readLimitFlag, readSecretFlag, readSshFlag } from './flag-values.ts'
import { readIsolation } from './isolation.ts'
import { readAnnotationFlag } from './outputs/annotation-flags.ts'
import { withProxies } from './proxies.ts'

type BuildCall = Call<BuildFlags>

/** Converts the flags and argument of `tare build` to library options. Throws for unsupported ones. */
export async function readBuildOptions(
  call: BuildCall,
): Promise<Omit<BuildOptions, 'report' | 'outputs' | 'rewriteTimestamp' | 'epoch'>> {
  const { flags, env, signal } = call
  return {
    context: readContext(call),
    dockerfile: await readDockerfile(call),
    target: flags.target || undefined,
    squash: flags.squash,
    squashFrom: flags['squash-from'] || undefined,
    buildArgs: withProxies(readBuildArgs(flags['build-arg']), env),
    labels: Object.fromEntries(flags.label.map((text) => splitPair(text) as [string, string])),
    ...readStatements(call),
    annotations: flags.annotation.flatMap(readAnnotationFlag),
    tags: flags.tag,
    platforms: flags.platform.some(Boolean) ? flags.platform.filter(Boolean) : undefined,
    contexts: Object.fromEntries(flags['build-context'].map(readNamedContext)),
    explain: flags.explain,
    noCache: flags['no-cache'],
    pull: flags.pull,
    noCacheFilter: flags['no-cache-filter'],
    cacheFrom: flags['cache-from'].flatMap(separate).map(readCacheSource),
    cacheTo: flags['cache-to'].flatMap(separate).map(readCacheDestination),
    environment: env,
    network: flags.network as BuildOptions['network'],
    builder: readBuilder(call),
    isolation: readIsolation(flags.isolation),
    secrets: flags.secret.map((text) => readSecretFlag(text, env)),
    ssh: flags.ssh.map(readSshFlag),
    hosts: flags['add-host'].filter(Boolean).map(readHostFlag),
    shmSize: sizeOf(flags['shm-size']),
    jobs: Number(flags.jobs ?? 0),
    limits: flags.ulimit.map(readLimitFlag),
    allow: flags.allow.flatMap((text) => text.split(',')).filter(Boolean) as BuildOptions['allow'],
    secretLeak: readSecretLeak(call),
    signal,
  }
}

/** What compares or explains steps knows only those that are executed here. */
function readBuilder({ flags, env }: BuildCall): string | undefined {
  const builder = flags.builder || env['TARE_BUILDER'] || undefined
  if (builder === undefined || builder === 'default' || builder === 'local') return builder
  for (const name of ['verify', 'explain'] as const)
    if (flags[name])
      throw new UsageError(`--${name} and --builder cannot be combined`, 'Build here: --builder default.')
  return builder
}

const leakPolicies = ['error', 'warn', 'allow'] as const

function readSecretLeak({ flags, given }: BuildCall): BuildOptions['secretLeak'] {
  const asked = flags['secret-leak']
  const policy = leakPolicies.find((candidate) => candidate === asked)
  if (policy === undefined)
    throw new UsageError(`invalid --secret-leak ${JSON.stringify(asked)}`, 'Use error, warn or allow.')
  if (!flags['allow-secret-leak']) return policy
  if (given.has('secret-leak') && policy !== 'allow')
    throw new UsageError(`--secret-leak=${policy} and --allow-secret-leak cannot be combined`)
  return 'allow'
}

function readContext(call: BuildCall): ContextSource {
  const path = call.args[0]!
  const part = call.flags['context-folder']
  const folder = part ? { folder: part } : {}
  if (path === '-') {
    if (call.flags.file === '-')
      throw new Failure("invalid argument: can't use stdin for both build context and dockerfile")
    if (call.streams.stdin.isTTY)
      throw new Failure('failed to get build context from stdin: stdin is terminal, expected piped context')
    return { kind: 'stream', bytes: inputBytes(call), ...folder }
  }
  if (isAddress(path)) return { kind: 'remote', address: path, ...folder }
  return { kind: 'directory', path }
}

async function readDockerfile(call: BuildCall): Promise<BuildOptions['dockerfile']> {
  const { file } = call.flags
  if (file === undefined || file === '') return undefined
  if (file === '-') return { text: await inputWhole(call), name: 'Dockerfile' }
  if (/^https?:\/\//i.test(file)) return { url: file }
  return { path: file }
}

/** References alone may stand in one flag, as with docker. */
function separate(text: string): readonly string[] {
  return text.includes('=') ? [text] : text.split(',').filter(Boolean)
}

/** `--build-arg NAME` without a value takes it from the environment. */
function readBuildArgs(texts: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(
    texts.map((text) => {
      const sign = text.indexOf('=')
      return sign < 0 ? [text, undefined] : [text.slice(0, sign), text.slice(sign + 1)]
    }),
  )
}

/** As in docker, a label without `=` has an empty value. */
function splitPair(text: string): readonly [string, string] {
  const sign = text.indexOf('=')
  return sign < 0 ? [text, ''] : [text.slice(0, sign), text.slice(sign + 1)]
}

function readNamedContext(text: string): readonly [string, NamedContext] {
  const [name, value] = splitPair(text)
  if (!text.includes('=') || name === '' || value === '')
    throw new Failure(`invalid context value: ${text}, expected key=value`)
  return [name, readContextFlag(name, value)]
}
