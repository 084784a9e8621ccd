import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PlannedContext } from '../../src/builder/plan/index.ts'
import { type Elsewhere, solve, type Tools } from '../../src/builder/solve/index.ts'
import { Snapshots } from '../../src/content/layers/index.ts'
import { Store } from '../../src/content/store/index.ts'
import { openDirectory } from '../../src/files/context/index.ts'
import type { Tree } from '../../src/files/tree/index.ts'
import { type Digest, hexOf } from '../../src/oci/index.ts'
import { Steps, type TareEvent } from '../../src/support/index.ts'
import { temporaryFolder, writeFiles } from './cli.ts'
import { ignoreOf } from './ignore.ts'
import { type PlanRequest, plan } from './plans.ts'
import { listTar } from './trees.ts'

// Dockerfiles made into layers, without the command line and without images.

export interface Solved {
  /** Of the result's layers, lowest first. */
  readonly diffIds: readonly Digest[]
  /** Where the layers lie. */
  readonly paths: readonly string[]
  /** Titles of the steps that were remembered. */
  readonly cached: readonly string[]
  readonly events: readonly TareEvent[]
  readonly tree: Tree
  /** The lines of the last layer. */
  last(): Promise<string[]>
}

export interface SolveRequest extends PlanRequest {
  readonly store?: Store | undefined
  readonly now?: Date | undefined
  readonly latest?: number | undefined
  readonly epoch?: number | undefined
  readonly elsewhere?: Elsewhere | undefined
  readonly noCache?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Folders of named contexts. */
  readonly folders?: Readonly<Record<string, string>>
}

export interface SolveBench {
  /** The context. Its .dockerignore counts. */
  readonly folder: string
  readonly store: Store
  make(file: string | readonly string[], request?: SolveRequest): Promise<Solved>
}

/** A context of these files, and a store. */
export function solveBench(files: Parameters<typeof writeFiles>[1] = {}): SolveBench {
  const place = temporaryFolder()
  const folder = writeFiles(join(place, 'context'), files)
  const own = new Store(join(place, 'home'))
  const make = async (file: string | readonly string[], request: SolveRequest = {}): Promise<Solved> => {
    const { store = own, now, latest, epoch, elsewhere, noCache, signal, folders = {}, ...more } = request
    const contexts: Record<string, PlannedContext> = { ...more.contexts }
    for (const name of Object.keys(folders)) contexts[name] = { kind: 'files' }
    const planned = await plan(typeof file === 'string' ? file : file.join('\n'), { ...more, contexts })
    const events: TareEvent[] = []
    const snapshots = new Snapshots(store)
    const tools: Tools = {
      store,
      snapshots,
      context: async (name) => openFolder(name === '' ? folder : folders[name]!, name === '' ? '.' : name),
      steps: new Steps((event) => events.push(event)),
      mayRecall: () => noCache !== true,
      now: () => now ?? new Date('2026-01-02T03:04:05Z'),
      epoch,
      latest,
      elsewhere,
      signal: signal ?? new AbortController().signal,
      sandbox: () => {
        throw new Error('nothing is run here')
      },
      run: {
        secretKey: () => undefined,
        hidden: [],
        secret: () => undefined,
        agent: async () => undefined,
        hosts: [],
        proxies: [],
        limits: [],
        allowInsecure: false,
        cacheNamespace: '',
        logFile: () => join(place, 'log'),
      },
    }
    const result = (await solve(planned, tools))[planned.output.root]!
    const paths = result.layers.map(({ diffId }) => join(store.home, 'blobs/sha256', hexOf(diffId)))
    return {
      diffIds: result.layers.map(({ diffId }) => diffId),
      paths,
      cached: cachedOf(events),
      events,
      tree: result.tree(),
      last: () => listTar(paths.at(-1)!),
    }
  }
  return { folder, store: own, make }
}

function openFolder(path: string, name: string) {
  const file = join(path, '.dockerignore')
  const ignore = existsSync(file) ? ignoreOf(...readFileSync(file, 'utf8').split('\n')) : undefined
  return openDirectory(path, { name, ignore })
}

function cachedOf(events: readonly TareEvent[]): string[] {
  const cached = new Set(events.flatMap((event) => (event.type === 'step-cached' ? [event.step] : [])))
  return events.flatMap((event) => (event.type === 'step-started' && cached.has(event.step) ? [event.title] : []))
}
