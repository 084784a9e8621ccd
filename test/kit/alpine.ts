import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Bench,
  type FileSpec,
  isRoot,
  openBench,
  program,
  type Running,
  type RunOptions,
  startTare,
  writeFiles,
} from './cli.ts'
import { madeOnce } from './made-once.ts'
import { residentOf } from './resident.ts'
import { rootFilesystem } from './root-filesystem.ts'
import type { Way } from './sandboxes.ts'

// Benches whose Dockerfile has Alpine under it: most take a store that has it already, so that it is unpacked once for each way.

export interface WayBench extends Bench {
  /** What makes a command the way’s. */
  readonly options: RunOptions
  start(argv: readonly string[], options?: RunOptions): Running
  /** Replaces the Dockerfile. */
  rewrite(text: string): void
}

export interface AlpineBench extends WayBench {
  /** Puts the store back as it was. */
  renew(): void
}

export interface AlpineOptions {
  /** The Dockerfile itself adds the root filesystem, of `alpine.tgz` in the context. */
  readonly adds?: boolean
}

/** The lines that add Alpine: as the stage `alpine`. */
export const addingAlpine = 'FROM scratch AS alpine\nADD alpine.tgz /\n'
/** The lines that take it from the store. */
export const storedAlpine = 'FROM alpine AS alpine\n'

/** A bench whose commands are those of the way’s user, by its sandbox. */
export function openWay(way: Way, files: Readonly<Record<string, FileSpec>>): WayBench {
  const bench = openBench(files, (argv, options) =>
    isUsual(options, way) ? residentOf(way).call(argv, options) : startTare(argv, options).outcome,
  )
  chmodSync(bench.folder, 0o777)
  const as = (options: RunOptions): RunOptions => ({
    ...options,
    user: way.user,
    wrapper: options.wrapper ?? way.wrapper,
    env: { ...way.env, ...options.env },
  })
  const options = as({ home: bench.home, cwd: bench.folder })
  return {
    ...bench,
    options,
    tare: (argv, options = {}) => bench.tare(argv, as(options)),
    succeed: (argv, options = {}) => bench.succeed(argv, as(options)),
    start: (argv, more = {}) => startTare(argv, { ...options, ...as(more) }),
    rewrite: (text) => writeFileSync(join(bench.context, 'Dockerfile'), text),
  }
}

/** Whether nothing about the process is special, so that one that stays can do it. */
function isUsual({ wrapper, input, env }: RunOptions, way: Way): boolean {
  return wrapper === way.wrapper && input === undefined && env?.['PATH'] === undefined
}

/** One with Alpine as the stage `alpine`, after which `dockerfile` begins. */
export function openAlpine(
  way: Way,
  dockerfile: string,
  files: Readonly<Record<string, FileSpec>> = {},
  { adds = false }: AlpineOptions = {},
): AlpineBench {
  const bench = openWay(way, { Dockerfile: (adds ? addingAlpine : storedAlpine) + dockerfile, ...files })
  const renew = () => {
    rmSync(bench.home, { recursive: true, force: true })
    if (!adds) copyStore(preparedStore(way), bench.home)
  }
  if (adds) copyAlpine(bench.context)
  renew()
  return { ...bench, renew }
}

function copyAlpine(context: string): void {
  copyFileSync(rootFilesystem!, join(context, 'alpine.tgz'))
  chmodSync(join(context, 'alpine.tgz'), 0o644)
}

/** With owners, modes and times. What is never written again, which is most of it, has its files in both. */
function copyStore(from: string, to: string): void {
  const script = `
    set -e
    mkdir -p "$2/tare"
    cp -al "$1/blobs" "$2/"
    cp -a "$1/index.json" "$1/oci-layout" "$2/"
    cd "$1/tare"
    to=$2
    shift 2
    for name in *; do [ "$name" = unpacked ] || set -- "$@" "$name"; done
    cp -a "$@" "$to/tare/"
    [ ! -e unpacked ] || cp -al unpacked "$to/tare/"
    chown --reference=. "$to" "$to/tare"
    chmod --reference=. "$to/tare"
    chmod --reference=.. "$to"`
  execFileSync('sh', ['-c', script, 'sh', from, to])
}

/** A store that has Alpine as the image `alpine`, unpacked where a RUN of the way has it. */
function preparedStore(way: Way): string {
  // What is unpacked is the same for each sandbox of a user.
  return join(
    madeOnce(`alpine-${way.user}-${way.bare}`, (folder) => fillStore(way, folder)),
    'home',
  )
}

function fillStore(way: Way, folder: string): void {
  chmodSync(folder, 0o777)
  const context = writeFiles(join(folder, 'context'), {
    Dockerfile: addingAlpine,
    run: 'FROM alpine\nRUN true\n',
  })
  copyAlpine(context)
  const home = join(folder, 'home')
  const tare = (...argv: readonly string[]) => {
    const [file, ...args] = [...(way.wrapper ?? []), process.execPath, program, ...argv]
    execFileSync(file!, args, {
      env: { PATH: process.env['PATH'], HOME: tmpdir(), TARE_HOME: home, ...way.env },
      stdio: ['ignore', 'ignore', 'inherit'],
      ...(way.user === undefined ? {} : { uid: way.user, gid: way.user }),
    })
  }
  tare('build', '-q', '-t', 'alpine', context)
  // Others than root could not copy what it has unpacked, whose owners they are not.
  if (isRoot) tare('build', '-q', '-f', join(context, 'run'), context)
}
