import type { LayerTable } from '../../files/layer/index.ts'

/** A file by the number of its entry in the image, or a directory. */
export type FlatNode = number | FlatDirectory

/** Entries of a layer next to one another: files with different names in one directory. */
export interface FlatRun {
  readonly table: LayerTable
  readonly from: number
  readonly to: number
  /** The number that the entry `from` has in the image. */
  readonly id: number
}

/** A directory of a flattened image. */
export class FlatDirectory {
  /** The last entry in the image that describes it; -1 if it only occurs in paths. */
  id: number
  private held: FlatRun | undefined
  private named: Map<string, FlatNode> | undefined

  constructor(id: number) {
    this.id = id
  }

  /** Everything that is in it, until somebody asks by name: most directories have files of one layer, which only few ask for. */
  get run(): FlatRun | undefined {
    return this.held
  }

  /** Fills a directory that has nothing. */
  hold(run: FlatRun): void {
    this.held = run
    this.named = undefined
  }

  /** Files by the number of their entry in the image; a hard link has the file's. In no particular order. */
  get children(): Map<string, FlatNode> {
    if (this.named !== undefined) return this.named
    const named = new Map<string, FlatNode>()
    const run = this.held
    if (run !== undefined) {
      const { table, from, to, id } = run
      for (let i = from; i < to; i++) named.set(table.name(i), id + i - from)
      this.held = undefined
    }
    this.named = named
    return named
  }

  /** The number of its children. */
  get size(): number {
    return this.held === undefined ? (this.named?.size ?? 0) : this.held.to - this.held.from
  }

  /** Calls `visit` for each child, in no particular order. */
  forEachNode(visit: (node: FlatNode) => void): void {
    const run = this.held
    if (run !== undefined) for (let id = run.id; id < run.id + run.to - run.from; id++) visit(id)
    else this.named?.forEach(visit)
  }
}
