import type { ChangeColumns, HistoryStep, ImageContents } from '../../api/index.ts'
import { tableOf } from '../../files/layer/index.ts'
import { sortNames } from '../../support/index.ts'
import { compareMetadata, factsOf } from '../diff/compare-metadata.ts'
import { type PlacedEntry, sameColumns } from '../diff/layer-entries.ts'
import { ByteComparison } from '../diff/same-bytes.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { InspectedImage, InspectedLayer } from '../image.ts'
import { summarizeLayers } from '../layer-summaries.ts'
import { EfficiencyCount } from '../weigh/efficiency.ts'
import { typeOfFolder, typeOfName } from '../weigh/file-type.ts'
import { VisibleFiles } from '../weigh/visible-files.ts'
import { hiddenFiles, totalWeights, wastedPaths } from '../weigh/waste.ts'
import { absent, followPaths, type PathChange, type TimedPath } from './timeline.ts'

export interface ListedContents {
  readonly contents: ImageContents
  /** Layers whose indexes say more now, as files had to be read. */
  readonly learnt: ReadonlySet<InspectedLayer>
}

type Writable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] }

/** Lists all paths of an image, and what its layers did to them. */
export function listContents(image: InspectedImage): ListedContents {
  const { layers } = image
  const tables = layers.map(({ index }) => tableOf(index))
  const efficiency = new EfficiencyCount(tables)
  const { flat, root } = followPaths(layers, (i, below) => efficiency.add(tables[i]!, below))
  const hidden = hiddenFiles(tables, new VisibleFiles(flat).isVisible)
  const weight = totalWeights(layers, hidden, efficiency.result())
  const bytes = new ByteComparison()
  try {
    const listing = new Listing(flat, bytes)
    listing.list(root, '', '', 0)
    const { paths, changes, targets, owners, fileTypes } = listing
    return {
      contents: {
        ...about(image),
        weight,
        wastedPaths: wastedPaths(hidden, flat),
        paths,
        changes,
        targets,
        owners,
        fileTypes,
      },
      learnt: bytes.learnt,
    }
  } finally {
    bytes.close()
  }
}

type About = 'name' | 'id' | 'digest' | 'platform' | 'created' | 'author' | 'config' | 'history' | 'layers'

function about(image: InspectedImage): Pick<ImageContents, About> {
  const { config, name, manifest, root } = image
  return {
    ...{ name, id: manifest.config.digest, digest: root.digest, platform: config.platform },
    ...(config.created === undefined ? {} : { created: config.created }),
    ...(config.author === undefined ? {} : { author: config.author }),
    ...{ config: config.config, history: historyOf(image), layers: summarizeLayers(image) },
  }
}

function historyOf({ config, layers }: InspectedImage): readonly HistoryStep[] {
  const doMatch = config.history.filter((step) => step.empty_layer !== true).length === layers.length
  let layer = 0
  return config.history.map(({ created, created_by: createdBy, comment, empty_layer: isEmpty }) => ({
    ...(created === undefined ? {} : { created }),
    ...(createdBy === undefined ? {} : { createdBy }),
    ...(comment === undefined ? {} : { comment }),
    ...(doMatch && isEmpty !== true ? { layer: ++layer } : {}),
  }))
}

// By the numbers that `ChangeColumns` promises.
const types = ['file', 'directory', 'symlink', 'char', 'block', 'fifo']
const bits = { type: 1, content: 2, 'link-target': 4, device: 8, mode: 16, owner: 32, 'file-times': 64, xattrs: 128 }

class Listing {
  readonly paths = { name: [] as string[], depth: [] as number[] }
  readonly changes: Writable<ChangeColumns> = {
    ...{ path: [], layer: [], change: [], differences: [], type: [], size: [], mode: [], owner: [], modified: [] },
    ...{ fileType: [], linked: [] },
  }
  readonly targets: Record<string, string> = {}
  readonly owners: (readonly [number, number])[] = []
  readonly fileTypes: string[] = ['']
  private readonly flat: FlatFilesystem
  private readonly bytes: ByteComparison
  private lastOwner = -1
  private readonly ownerNumbers = new Map<string, number>()
  private readonly typeNumbers = new Map<string, number>()
  private readonly linkNumbers = new Map<number, number>()

  constructor(flat: FlatFilesystem, bytes: ByteComparison) {
    this.flat = flat
    this.bytes = bytes
  }

  /** `folder`: what all files are that are beside it, as far as that can be said. */
  list({ children, changes }: TimedPath, name: string, path: string, depth: number, folder?: string): void {
    const number = this.paths.name.length
    this.paths.name.push(name)
    this.paths.depth.push(depth)
    for (const change of changes) this.change(number, name, folder, change)
    if (children.size === 0) return
    const prefix = depth === 0 ? '' : `${path}/`
    const type = typeOfFolder(prefix)
    for (const child of sortNames([...children.keys()])) {
      const below = children.get(child)!
      // What one layer alone adds and removes was never there.
      if (below.changes.length > 0) this.list(below, child, prefix + child, depth + 1, type)
    }
  }

  private change(number: number, name: string, folder: string | undefined, { layer, before, now }: PathChange): void {
    const { changes } = this
    const differences = before === absent || now === absent ? 0 : this.differences(before, now)
    changes.path.push(number)
    changes.layer.push(layer + 1)
    changes.change.push(before === absent ? 0 : now === absent ? 3 : differences === 0 ? 2 : 1)
    changes.differences.push(differences)
    const id = now === absent ? before : now
    if (id >= 0) this.file(name, folder, id)
    else this.facts('directory', 0, 0o755, this.owner(0, 0), 0)
  }

  private file(name: string, folder: string | undefined, id: number): void {
    const { changes, flat } = this
    const { table, i } = flat.locate(id)
    const { mode, uid, gid, mtime, size } = table.columns
    const kind = table.kind(i)
    const isFile = kind === 'file'
    if (kind === 'symlink') this.targets[changes.type.length] = table.link(i) ?? ''
    const time = Number.isFinite(mtime[i]) ? mtime[i]! : 0
    this.facts(kind, isFile ? size[i]! : 0, mode[i]!, this.owner(uid[i]!, gid[i]!), time)
    if (!isFile) return
    const type = folder ?? typeOfName(name, mode[i]!)
    changes.fileType[changes.fileType.length - 1] = numberOf(this.typeNumbers, type, this.fileTypes)
    if (flat.linked.has(id)) changes.linked[changes.linked.length - 1] = numberOf(this.linkNumbers, id)
  }

  private facts(kind: string, size: number, mode: number, owner: number, modified: number): void {
    const { changes } = this
    changes.type.push(Math.max(0, types.indexOf(kind)))
    changes.size.push(size)
    changes.mode.push(mode)
    changes.owner.push(owner)
    changes.modified.push(modified)
    changes.fileType.push(0)
    changes.linked.push(0)
  }

  private owner(uid: number, gid: number): number {
    const last = this.owners[this.lastOwner]
    if (last?.[0] === uid && last[1] === gid) return this.lastOwner
    const key = `${uid}:${gid}`
    const known = this.ownerNumbers.get(key)
    this.lastOwner = known ?? this.owners.push([uid, gid]) - 1
    this.ownerNumbers.set(key, this.lastOwner)
    return this.lastOwner
  }

  private differences(before: number, now: number): number {
    const [a, b] = [this.place(before), this.place(now)]
    const [kindA, kindB] = [this.kind(a), this.kind(b)]
    if (kindA !== kindB) return bits.type
    let sum = 0
    if (a === undefined || b === undefined || !sameColumns(a, b))
      for (const { kind } of compareMetadata(factsOf(a), factsOf(b))) sum |= bits[kind as keyof typeof bits]
    if (kindA === 'file' && !this.bytes.same(a!, b!)) sum |= bits.content
    return sum
  }

  private kind(place: PlacedEntry | undefined): string {
    return place === undefined ? 'directory' : place.table.kind(place.i)
  }

  private place(id: number): PlacedEntry | undefined {
    if (id < 0) return undefined
    const { layer, table, i } = this.flat.locate(id)
    return { layer: this.flat.layers[layer]!, table, i }
  }
}

/** Numbers things from 1, in the order of their appearance; `list` has them by their number. */
function numberOf<T>(numbers: Map<T, number>, thing: T, list?: T[]): number {
  const known = numbers.get(thing)
  if (known !== undefined) return known
  numbers.set(thing, numbers.size + 1)
  list?.push(thing)
  return numbers.size
}
