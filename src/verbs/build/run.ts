import { posix } from 'node:path'
import type { RunOptions } from '../../api/index.ts'
import { refuseForeign } from '../../builder/sandbox/index.ts'
import { mountsOf, readHost, readLimit, sandboxOf } from '../../builder/session/index.ts'
import { stackOf } from '../../builder/solve/index.ts'
import { refuseLayer, Snapshots } from '../../content/layers/index.ts'
import type { Tree } from '../../files/tree/index.ts'
import type { Host } from '../../images/index.ts'
import { findImage, type StoredImage } from '../../images/index.ts'
import { completeStored } from '../../images/ingest/index.ts'
import {
  type ContainerConfig,
  defaultPath,
  formatPlatform,
  matchPlatform,
  normalizePlatform,
  parsePlatform,
} from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

/**
 * Runs a command in an image's filesystem; what it writes is discarded. Returns its exit code. Throws `COMMAND_MISSING`,
 * `COMMAND_REFUSED` (not executable), and the errors of the sandbox.
 */
export async function run(host: Host, options: RunOptions): Promise<number> {
  const { store } = host
  // Invalid options are reported before anything is fetched.
  const mounts = mountsOf(options)
  refuseStreams(options)
  const hosts = (options.hosts ?? []).map(readHost)
  const limits = (options.limits ?? []).map(readLimit)
  const network = networkOf(options.network)
  const image = await imageToRun(host, options)
  const { config } = image
  const container = config.config
  const argv = commandOf(container, options)
  const env = environmentOf(container, options)
  const cwd = posix.resolve('/', options.workdir ?? container.WorkingDir ?? '/')
  refuseForeign(config.platform.architecture, options.image)
  const sandbox = sandboxOf(host, options.isolation)
  const release = store.lease()
  try {
    const snapshots = new Snapshots(store)
    await completeStored(host, image, { signal: options.signal, report: options.report })
    const layers = config.diffIds.map((diffId) => ({ diffId }))
    for (const { diffId } of layers) if (!store.blobs.touch(diffId)) refuseLayer(store, diffId, options.image)
    const stack = stackOf(snapshots.of(layers), { snapshots })
    refuseUnexecutable(argv[0]!, cwd, env, stack.tree())
    const opened = await sandbox.open()
    const outcome = await opened.run(
      stack,
      {
        ...{ argv, env, cwd, insecure: false, scripts: [], shmSize: options.shmSize || undefined },
        ...{ hosts, limits, mounts, network, readonlyRoot: options.readonly === true },
        user: options.user ?? container.User ?? '',
      },
      {
        signal: options.signal ?? new AbortController().signal,
        output: options.output ?? (() => {}),
        inherit:
          options.stdio === 'inherit'
            ? { stdin: options.stdin === true || options.terminal === true, terminal: options.terminal === true }
            : undefined,
        started: options.started,
      },
    )
    await outcome.release()
    return outcome.exitCode
  } finally {
    await sandbox.close()
    release()
  }
}

/** Throws where the command would have its streams twice, or read a standard input that it does not have. */
function refuseStreams({ output, stdio, stdin, terminal }: RunOptions): void {
  if (stdio === undefined && (stdin === true || terminal === true))
    throw new TareError(
      'OPTION_INVALID',
      'stdin and terminal are of this process, whose streams the command does not have',
      {
        remedy: "Add stdio: 'inherit'.",
      },
    )
  if (stdio !== undefined && output !== undefined)
    throw new TareError('OPTION_INVALID', 'output and stdio cannot be combined', {
      remedy: "Give output to hear what the command prints, or stdio: 'inherit' to have it printed.",
    })
}

/** Returns the image from the store, otherwise from its registry. */
async function imageToRun(host: Host, options: RunOptions): Promise<StoredImage> {
  const { image: name, platform: text, pull: when = 'missing', report, signal } = options
  if (!['always', 'missing', 'never'].includes(when))
    throw new TareError('OPTION_INVALID', `invalid pull ${JSON.stringify(when)}`, {
      remedy: 'Use always, missing or never.',
    })
  const platform = text === undefined ? host.platform : normalizePlatform(parsePlatform(text, host.platform))
  if (when !== 'always') {
    const found = stored(host, name, platform, when)
    const fits = found !== undefined && matchPlatform(platform, found.config.platform) !== undefined
    // Without --platform, an image built or pulled for another platform is used.
    if (found !== undefined && (fits || text === undefined)) return found
    if (found !== undefined && when === 'never') throw notFor(text!, name, found)
  }
  const { pullImage } = await import('../../images/ingest/index.ts')
  await pullImage(host, { name, platform: text, report, signal })
  const image = findImage(host.store, name, platform)
  if (text !== undefined && matchPlatform(platform, image.config.platform) === undefined)
    throw notFor(text, name, image)
  return image
}

function notFor(wanted: string, name: string, { config }: StoredImage): TareError {
  return new TareError('PLATFORM_MISSING', `${name} is for ${formatPlatform(config.platform)}, not for ${wanted}`)
}

function stored(host: Host, name: string, platform: Host['platform'], when: 'missing' | 'never') {
  try {
    return findImage(host.store, name, platform)
  } catch (error) {
    if (when === 'never' || !(error instanceof TareError) || error.code !== 'IMAGE_UNKNOWN') throw error
    return undefined
  }
}

/** Combines entrypoint and command; an explicit entrypoint drops the image's command, as in docker. */
function commandOf(config: ContainerConfig, { entrypoint, command = [], image }: RunOptions): string[] {
  const first = entrypoint ?? config.Entrypoint ?? []
  const rest = command.length > 0 ? command : entrypoint === undefined ? (config.Cmd ?? []) : []
  const argv = [...first, ...rest]
  if (argv.length === 0)
    throw new TareError('COMMAND_MISSING', `no command specified: ${image} has neither ENTRYPOINT nor CMD`, {
      remedy: `Add one: tare run ${image} /path/to/program.`,
    })
  return argv
}

function environmentOf(config: ContainerConfig, { env = {}, terminal }: RunOptions): string[] {
  const all = new Map<string, string>()
  const lines = [`PATH=${defaultPath}`, ...(terminal === true ? ['TERM=xterm'] : []), ...(config.Env ?? [])]
  for (const line of lines) all.set(line.slice(0, line.indexOf('=')), line)
  for (const [name, value] of Object.entries(env)) all.set(name, `${name}=${value}`)
  return [...all.values()]
}

function networkOf(text: string | undefined): 'none' | 'default' {
  if (text === 'none') return 'none'
  if (text === undefined || ['default', 'host'].includes(text)) return 'default'
  throw new TareError('OPTION_INVALID', `unknown network ${JSON.stringify(text)}`, {
    remedy: 'Use none, or host for this machine’s network.',
  })
}

/** Throws if the program exists but is not executable. The sandbox reports a missing program. */
function refuseUnexecutable(program: string, cwd: string, env: readonly string[], tree: Tree): void {
  const path = env.find((line) => line.startsWith('PATH='))?.slice('PATH='.length) ?? ''
  const places = program.includes('/')
    ? [posix.resolve(cwd, program)]
    : path.split(':').map((folder) => posix.resolve(cwd, folder, program))
  const found = places.map((place) => tree.find(place)).filter((node) => node !== undefined)
  if (found.length === 0 || found.some((node) => node.kind === 'file' && (node.mode & 0o111) !== 0)) return
  throw new TareError('COMMAND_REFUSED', `exec: "${program}": permission denied`, {
    remedy:
      found[0]!.kind === 'directory'
        ? 'It is a directory.'
        : 'It is not executable: RUN chmod +x, or COPY --chmod=755.',
  })
}
