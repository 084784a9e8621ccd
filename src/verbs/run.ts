import { existsSync } from 'node:fs'
import { posix, resolve } from 'node:path'
import { refuseForeign, type SandboxMount } from '../build/sandbox/index.ts'
import { refuseLayer, Snapshots, stackOf } from '../build/solve/index.ts'
import type { Tree } from '../files/tree/index.ts'
import type { ContainerConfig } from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import type { Host } from './host.ts'
import { sandboxOf } from './open-sandbox.ts'
import { findImage } from './stored-image.ts'
import type { RunOptions } from './types.ts'
import { wholeOf } from './whole-image.ts'

/**
 * Runs a command over an image's filesystem; what it writes is gone afterwards. Answers its exit code. Throws
 * `COMMAND_MISSING`, `COMMAND_REFUSED` (not executable), and what the sandbox throws.
 */
export async function run(host: Host, options: RunOptions): Promise<number> {
  const { store } = host
  const image = findImage(store, options.image, host.platform)
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
    await wholeOf(host, image, { signal: options.signal })
    const layers = config.diffIds.map((diffId) => ({ diffId }))
    for (const { diffId } of layers) if (!store.blobs.touch(diffId)) refuseLayer(store, diffId, options.image)
    const stack = stackOf(snapshots.of(layers), { snapshots })
    refuseUnexecutable(argv[0]!, cwd, env, stack.tree())
    const outcome = await sandbox.run(
      stack,
      {
        ...{ argv, env, cwd, insecure: false, scripts: [], hosts: [], limits: [] },
        user: options.user ?? container.User ?? '',
        network: networkOf(options.network),
        mounts: (options.volumes ?? []).map(readVolume),
      },
      {
        signal: options.signal ?? new AbortController().signal,
        output: options.output ?? (() => {}),
        inherit:
          options.output === undefined
            ? { stdin: options.stdin === true || options.terminal === true, terminal: options.terminal === true }
            : undefined,
        started: options.started,
      },
    )
    await outcome.release()
    return outcome.exitCode
  } finally {
    release()
  }
}

/** Entrypoint and command; an entrypoint that was given leaves the image's command out, as with docker. */
function commandOf(config: ContainerConfig, { entrypoint, command = [], image }: RunOptions): string[] {
  const first = entrypoint ?? config.Entrypoint ?? []
  const rest = command.length > 0 ? command : entrypoint === undefined ? (config.Cmd ?? []) : []
  const argv = [...first, ...rest]
  if (argv.length === 0)
    throw new TareError('COMMAND_MISSING', `no command specified: ${image} has neither ENTRYPOINT nor CMD`, {
      remedy: `Give one: tare run ${image} /path/of/program.`,
    })
  return argv
}

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

function environmentOf(config: ContainerConfig, { env = [], terminal }: RunOptions): string[] {
  const all = new Map<string, string>()
  const lines = [defaultPath, ...(terminal === true ? ['TERM=xterm'] : []), ...(config.Env ?? []), ...env]
  for (const line of lines) all.set(line.slice(0, line.indexOf('=')), line)
  return [...all.values()]
}

function networkOf(text: string | undefined): 'none' | 'default' {
  if (text === 'none') return 'none'
  if (text === undefined || ['', 'default', 'bridge', 'host'].includes(text)) return 'default'
  throw new TareError('OPTION_INVALID', `there is no network ${JSON.stringify(text)}`, {
    remedy: 'It is none, or host: the network of this machine.',
  })
}

/** `source:target[:ro]`. */
function readVolume(text: string): SandboxMount {
  const [source = '', target = '', how = 'rw', ...rest] = text.split(':')
  const invalid = (remedy: string) =>
    new TareError('OPTION_INVALID', `invalid volume ${JSON.stringify(text)}`, { remedy })
  if (target === '' || rest.length > 0) throw invalid('Write -v SOURCE:TARGET or -v SOURCE:TARGET:ro.')
  if (!target.startsWith('/')) throw invalid('The target has to be an absolute path.')
  if (how !== 'ro' && how !== 'rw') throw invalid(`"${how}" is not known: ro and rw are.`)
  if (!source.includes('/') && source !== '.' && source !== '..')
    throw invalid(`There are no named volumes; for a directory write ./${source}.`)
  const path = resolve(source)
  if (!existsSync(path)) throw invalid(`${path} does not exist.`)
  return { kind: 'host', target, path, readonly: how === 'ro' }
}

/** Throws for a program that is there and has no permission to be one. That none is there is told by the sandbox. */
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
