import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, privately } from '../../../disk/index.ts'
import type { Stack } from '../step/index.ts'
import { shortName } from './extract.ts'
import { type Touched, touchedByLayers } from './touched.ts'

/** Which filesystem a working copy contains, except for a few paths. */
export interface CopyState {
  /** The layers it has been through, lowest first, by chain ID. */
  readonly layers: readonly { readonly chain: string; readonly touched?: Touched | undefined }[]
  /** Where it differs. */
  readonly touched: Touched
}

export function stateOf({ layers }: Stack): CopyState {
  const touched = touchedByLayers(layers)
  return { layers: layers.map(({ chain }, i) => ({ chain, touched: touched[i] })), touched: [] }
}

/** A working copy close to a filesystem: equal to its lowest `shared` layers, except for what is touched. */
export interface Near {
  readonly shared: number
  readonly touched: Touched
}

/** Returns how the copy differs from the filesystem of the layers; undefined if unknown. */
export function nearTo(state: CopyState, { layers }: Pick<CopyState, 'layers'>): Near | undefined {
  let shared = 0
  while (shared < layers.length && layers[shared]?.chain === state.layers[shared]?.chain) shared++
  if (shared === 0) return undefined
  const touched: string[] = [...state.touched]
  for (const layer of state.layers.slice(shared)) {
    if (layer.touched === undefined) return undefined
    for (const path of layer.touched) touched.push(path)
  }
  return { shared, touched }
}

// The prefix of their folders; others are from earlier versions.
const prefix = 'copy-'

/** Complete filesystems in folders, each used by one step at a time, which continues with what others left. */
export class WorkingCopies {
  private readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /**
   * Takes the copy that needs the fewest changes to become the stack's filesystem, and moves it to `path`, by way of `between`
   * next to it.
   */
  take(stack: Stack, path: string, between: string): Near | undefined {
    const wanted = stateOf(stack)
    const entries = stack.layers.map(({ index }) => index.entries.length)
    const found = this.list().flatMap((name) => {
      const near = nearTo(readState(join(this.folder, name)), wanted)
      if (near === undefined) return []
      const cost = entries.slice(near.shared).reduce((sum, count) => sum + count, near.touched.length)
      return [{ name, near, cost }]
    })
    for (const { name, near } of found.sort((a, b) => a.cost - b.cost)) {
      try {
        renameSync(join(this.folder, name), between)
      } catch {
        // Another step was faster.
        continue
      }
      renameSync(join(between, 'root'), path)
      return near
    }
    return undefined
  }

  /** Leaves the filesystem at `path` to others. */
  leave(path: string, between: string, state: CopyState): void {
    makeFolder(this.folder, privately)
    mkdirSync(between, { recursive: true, mode: privately })
    writeFileSync(join(between, 'state.json'), JSON.stringify(state), { mode: 0o600 })
    renameSync(path, join(between, 'root'))
    renameSync(between, join(this.folder, prefix + shortName(state.layers.at(-1)?.chain ?? '')))
  }

  private list(): string[] {
    try {
      return readdirSync(this.folder).filter((name) => name.startsWith(prefix))
    } catch {
      return []
    }
  }
}

function readState(copy: string): CopyState {
  try {
    return JSON.parse(readFileSync(join(copy, 'state.json'), 'utf8')) as CopyState
  } catch {
    // It has disappeared meanwhile.
    return { layers: [], touched: [] }
  }
}
