import type { ComparedFact, ComparedFile } from '../../api/index.ts'
import { sortNames } from '../../support/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { FlatDirectory, FlatNode } from '../filesystem/flat-directory.ts'
import { compareMetadata, factsOf } from './compare-metadata.ts'
import { contentsBelow } from './contents-below.ts'
import type { Ignored } from './ignored.ts'
import { isSameEntry, type PlacedEntry, sameColumns } from './layer-entries.ts'
import { isMountPoint } from './mount-points.ts'
import type { ByteComparison } from './same-bytes.ts'

export interface FileComparison {
  readonly ignored: Ignored
  readonly bytes: ByteComparison
  /** Whether a directory that one side alone has is one row. */
  readonly collapse?: boolean | undefined
  /** The numbers of the layers compared. */
  readonly layers?: Pick<ComparedFile, 'layerA' | 'layerB'> | undefined
}

/** Lists differences from `a` to `b`: depth-first, names sorted by their bytes. */
export function compareFiles(a: FlatFilesystem, b: FlatFilesystem, options: FileComparison): readonly ComparedFile[] {
  const comparison = new Comparison(a, b, options)
  comparison.directories(a.root, b.root, '')
  return comparison.found
}

const noFacts: readonly ComparedFact[] = []

type Names = ReadonlyMap<number, string>

class Comparison {
  readonly found: ComparedFile[] = []
  private readonly a: FlatFilesystem
  private readonly b: FlatFilesystem
  private readonly options: FileComparison
  private readonly names: readonly [Names, Names]

  constructor(a: FlatFilesystem, b: FlatFilesystem, options: FileComparison) {
    this.a = a
    this.b = b
    this.options = options
    this.names = [sharedNames(a), sharedNames(b)]
  }

  directories(a: FlatDirectory, b: FlatDirectory, prefix: string): void {
    if (this.isSameRun(a, b)) return
    const names = [...a.children.keys()]
    for (const name of b.children.keys()) if (!a.children.has(name)) names.push(name)
    for (const name of sortNames(names)) {
      const [x, y] = [a.children.get(name), b.children.get(name)]
      if (x === undefined) this.oneSided('added', this.b, y!, prefix + name)
      else if (y === undefined) this.oneSided('removed', this.a, x, prefix + name)
      else this.nodes(x, y, prefix + name)
    }
  }

  /** Whether both have the same entries of the same layer, and nothing else. */
  private isSameRun({ run: a }: FlatDirectory, { run: b }: FlatDirectory): boolean {
    if (a === undefined || b === undefined || a.from !== b.from || a.to !== b.to) return false
    const [layerA, layerB] = [this.a.locate(a.id).layer, this.b.locate(b.id).layer]
    return (
      this.a.layers[layerA]!.index.diffId === this.b.layers[layerB]!.index.diffId &&
      this.names[0].size + this.names[1].size === 0
    )
  }

  private nodes(a: FlatNode, b: FlatNode, path: string): void {
    const [kindA, kindB] = [this.a.kindOf(a), this.b.kindOf(b)]
    if (kindA !== kindB) {
      this.changed(a, b, path, [{ kind: 'type', a: kindA, b: kindB }])
      this.below('removed', this.a, a, path)
      this.below('added', this.b, b, path)
      return
    }
    const changes = this.changesOf(a, b)
    if (typeof a === 'number' && typeof b === 'number' && this.names[0].size + this.names[1].size > 0)
      this.links(a, b, path, changes)
    if (changes.length > 0) this.changed(a, b, path, changes)
    if (typeof a === 'object' && typeof b === 'object') this.directories(a, b, `${path}/`)
  }

  private changesOf(a: FlatNode, b: FlatNode): ComparedFact[] {
    const [x, y] = [placeOf(this.a, a), placeOf(this.b, b)]
    if (x === undefined || y === undefined) return x === y ? [] : compareMetadata(factsOf(x), factsOf(y))
    if (isSameEntry(x, y)) return []
    const changes = sameColumns(x, y) ? [] : compareMetadata(factsOf(x), factsOf(y))
    if (x.table.kind(x.i) === 'file' && !this.options.bytes.same(x, y)) {
      const [digestA, digestB] = [x.table.digest(x.i), y.table.digest(y.i)]
      changes.unshift({
        kind: 'content',
        ...(digestA === undefined ? {} : { a: digestA }),
        ...(digestB === undefined ? {} : { b: digestB }),
      })
    }
    return changes
  }

  /** Adds everything that exists on one side only. */
  private oneSided(kind: 'added' | 'removed', flat: FlatFilesystem, node: FlatNode, path: string): void {
    const { ignored, collapse } = this.options
    if (isMountPoint(flat, node, path) && ignored.has('mount-points')) return
    const row = this.rowOf(kind, flat, node, path)
    if (collapse === true && typeof node === 'object')
      this.found.push({ ...row, below: contentsBelow(flat, node, path, ignored) })
    else {
      this.found.push(row)
      this.below(kind, flat, node, path)
    }
  }

  /** Literals of few shapes: there may be hundreds of thousands, and spreading is many times slower. */
  private rowOf(kind: 'added' | 'removed', flat: FlatFilesystem, node: FlatNode, path: string): ComparedFile {
    const type = flat.kindOf(node) as ComparedFile['type']
    const changes = noFacts
    const row =
      type !== 'file'
        ? { kind, path, type, changes }
        : kind === 'added'
          ? { kind, path, type, sizeB: flat.sizeOf(node), changes }
          : { kind, path, type, sizeA: flat.sizeOf(node), changes }
    return this.options.layers === undefined ? row : { ...row, ...this.options.layers }
  }

  private below(kind: 'added' | 'removed', flat: FlatFilesystem, node: FlatNode, path: string): void {
    if (typeof node !== 'object') return
    const { run } = node
    // Files of one layer, already in order.
    if (run !== undefined)
      for (let i = run.from; i < run.to; i++)
        this.oneSided(kind, flat, run.id + i - run.from, `${path}/${run.table.name(i)}`)
    else
      for (const name of sortNames([...node.children.keys()]))
        this.oneSided(kind, flat, node.children.get(name)!, `${path}/${name}`)
  }

  private links(a: number, b: number, path: string, changes: ComparedFact[]): void {
    const before = this.names[0].get(a) ?? path
    const after = this.names[1].get(b) ?? path
    if (before === after) return
    const values = { ...(before === path ? {} : { a: before }), ...(after === path ? {} : { b: after }) }
    changes.push({ kind: 'hard-links', ...values })
  }

  private changed(a: FlatNode, b: FlatNode, path: string, all: readonly ComparedFact[]): void {
    const changes = all.filter(({ kind }) => !this.options.ignored.has(kind))
    if (changes.length === 0) return
    const [typeA, type] = [this.a.kindOf(a), this.b.kindOf(b) as ComparedFile['type']]
    this.found.push({
      ...{ kind: 'changed', path, type },
      ...(typeA === 'file' ? { sizeA: this.a.sizeOf(a) } : {}),
      ...(type === 'file' ? { sizeB: this.b.sizeOf(b) } : {}),
      ...{ changes, ...this.options.layers },
    })
  }
}

/** Returns the entry describing the node; undefined for a directory without one. */
function placeOf(flat: FlatFilesystem, node: FlatNode): PlacedEntry | undefined {
  const id = typeof node === 'object' ? node.id : node
  if (id < 0) return undefined
  const { layer, table, i } = flat.locate(id)
  return { layer: flat.layers[layer]!, table, i }
}

/** For every file with several names, the first. */
function sharedNames(flat: FlatFilesystem): Names {
  const first = new Map<number, string>()
  const shared = new Map<number, string>()
  if (flat.linked.size === 0) return shared
  for (const [path, node] of flat.walk()) {
    if (typeof node === 'object' || !flat.linked.has(node)) continue
    const known = first.get(node)
    if (known === undefined) first.set(node, path)
    else shared.set(node, known)
  }
  return shared
}
