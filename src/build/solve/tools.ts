import type { Store } from '../../content/store/index.ts'
import type { Context } from '../../files/context/index.ts'
import type { Steps } from '../../support/index.ts'
import type { Operation } from '../plan/index.ts'
import type { Snapshots } from './snapshot.ts'

/** What the steps work with: everything from outside. */
export interface Tools {
  readonly store: Store
  readonly snapshots: Snapshots
  /** The context of that name, '' being the build's own. */
  readonly context: (name: string) => Promise<Context>
  readonly steps: Steps
  /** Whether an earlier result of the operation may be used. */
  readonly mayRecall: (operation: Operation) => boolean
  readonly now: () => Date
  /** Seconds since 1970: the time of directories that WORKDIR makes. */
  readonly epoch?: number | undefined
  /** Seconds since 1970: no file in a new layer is later. */
  readonly latest?: number | undefined
  readonly unpackLimit?: number | undefined
  readonly signal: AbortSignal
}

let stamps = 0

/** The time for what a step makes now: no two are the same, as on a disk. */
export function stamp(tools: Tools): { mtime: number; mtimeNs: number } {
  const now = tools.now().getTime()
  return { mtime: Math.floor(now / 1000), mtimeNs: (now % 1000) * 1_000_000 + (++stamps % 1_000_000) }
}
