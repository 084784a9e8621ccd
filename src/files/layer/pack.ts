import { encodeSparseHeader, endOfArchive, type StoredRun, type TarHeader } from '../tar/index.ts'
import type { Difference, Metadata, Node, RegularFile } from '../tree/index.ts'
import { type BufferSink, BufferWriter } from './buffer-writer.ts'
import { PieceSum } from './content.ts'
import { assembleIndex, encodeTable, indexOf, tableOf } from './index-codec.ts'
import { createLayerFile } from './layer-file.ts'
import type { LayerEntry, LayerIndex } from './layer-index.ts'
import type { LayerTable } from './layer-table.ts'
import { TableWriter } from './table-writer.ts'
import { whiteoutOf } from './whiteout.ts'

export interface PackOptions {
  /** Where to write the layer; must not exist. */
  readonly path: string
  /** An earlier layer of the same step: identical entries are copied from it without reading their files. */
  readonly previous?: { readonly index: LayerIndex; readonly path: string } | undefined
  /** Whether to hash a file while reading it. Otherwise its digest is in the index only if already known. */
  readonly digests: (file: RegularFile) => boolean
  /** Later times are clamped to this, in seconds since 1970. */
  readonly latest?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Called with the number of bytes written. */
  readonly progress?: ((bytes: number) => void) | undefined
}

/** How a layer is written that need not be what Docker writes. */
export interface PackerOptions extends Omit<PackOptions, 'path'> {
  /** What of a file is not a hole; undefined: it is written whole. */
  readonly runs?: ((file: RegularFile) => readonly Omit<StoredRun, 'at'>[] | undefined) | undefined
  /** Called for a file whose content is no longer what its known digest says, or may not be. */
  readonly unlike?: ((file: RegularFile) => void) | undefined
  /** Whether times have their nanoseconds. */
  readonly exactTimes?: boolean | undefined
}

/** A finished layer: its index, and the encoded index to store. */
export interface PackedLayer {
  readonly index: LayerIndex
  readonly encoded: readonly Uint8Array[]
}

/**
 * Writes differences, given in layer order, as a layer with exactly the bytes Docker would write (ARCHITECTURE.md, "A layer, byte
 * for byte"). Further names of a node become hard links to the first. On failure, the caller removes the file.
 */
export async function packLayer(differences: readonly Difference[], options: PackOptions): Promise<PackedLayer> {
  let expected = 0
  for (const difference of differences)
    if (difference.kind === 'put' && difference.node.kind === 'file') expected += difference.node.size + 1024
  const file = await createLayerFile(options.path, expected)
  const packer = new Packer(differences, options, file)
  try {
    await packer.write()
    const finished = file.finish()
    // Another thread may still be hashing.
    const table = packer.entries.done()
    const encoded = encodeTable(table)
    const { digest, size } = await finished
    const index = indexOf({ diffId: digest, size }, table)
    return { index, encoded: assembleIndex(index, encoded) }
  } catch (error) {
    await file.abandon()
    throw error
  } finally {
    packer.close()
  }
}

/** Writes differences as a layer into buffers. */
export class Packer {
  private readonly differences: readonly Difference[]
  private readonly options: PackerOptions
  private readonly writer: BufferWriter
  /** Those that are written. */
  readonly entries: TableWriter
  /** The number of the first entry of each node. */
  private readonly firsts = new Map<Node, number>()
  private readonly earlier: LayerTable | undefined
  /** The entry of the earlier layer that is expected next. */
  private expected = 0
  private numbers: ReadonlyMap<string, number> | undefined

  constructor(differences: readonly Difference[], options: PackerOptions, file: BufferSink) {
    this.differences = differences
    this.options = options
    this.writer = new BufferWriter(file, options)
    this.entries = new TableWriter(differences.length)
    this.earlier = options.previous && tableOf(options.previous.index)
  }

  async write(): Promise<void> {
    await this.writer.begin()
    for (let i = 0; i < this.differences.length; ) {
      const taken = this.options.previous === undefined ? 0 : await this.takeOver(i)
      const waiting = taken === 0 ? this.add(this.differences[i]!) : undefined
      if (waiting !== undefined) await waiting
      i += Math.max(1, taken)
    }
    await this.writer.append(endOfArchive)
    this.options.signal?.throwIfAborted()
    this.writer.flushLast()
  }

  close(): void {
    this.writer.close()
  }

  /** Writes one difference; returns a promise only if it must wait. */
  private add(difference: Difference): Promise<void> | undefined {
    if (difference.kind === 'remove') return this.whiteout(difference.path)
    const { path, node } = difference
    if (difference.kind === 'touch') {
      this.entries.add({ path, kind: 'touch', size: 0, at: -1, runs: noRuns, ...this.metadata(node) })
      return undefined
    }
    const entry = this.entryOf(path, node)
    const runs = entry.kind === 'file' ? this.options.runs?.(node as RegularFile) : undefined
    if (runs !== undefined) return this.sparse(entry, node as RegularFile, runs)
    const header = headerOf(entry, this.options.exactTimes === true ? node : undefined)
    const waiting = header.mtimeNs > 0 ? this.writer.timedHeader(header) : this.writer.header(header)
    if (entry.kind === 'file')
      return waiting === undefined
        ? this.body(entry, node as RegularFile)
        : waiting.then(() => this.body(entry, node as RegularFile))
    this.entries.add(entry)
    return waiting
  }

  private whiteout(path: string): Promise<void> | undefined {
    const metadata = { mode: 0, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 }
    this.entries.add({ path, kind: 'remove', size: 0, at: this.writer.at, runs: noRuns, ...metadata })
    return this.writer.header({ path: whiteoutOf(path), kind: 'file', size: 0, ...metadata })
  }

  private body(entry: LayerEntry, file: RegularFile): Promise<void> | undefined {
    const { content, size } = file
    const runs = size === 0 ? noRuns : [{ position: 0, length: size, at: this.writer.at }]
    const { digest } = content
    const { digests, unlike } = this.options
    if (digest === undefined ? !digests(file) : unlike === undefined) {
      this.entries.add({ ...entry, runs, digest })
      return this.writer.content(content, size)
    }
    const sum = new PieceSum(size)
    const learn = () => {
      const learnt = sum.digest()
      if (digest === undefined) content.digest = learnt
      else if (digest !== learnt) unlike?.(file)
      this.entries.add({ ...entry, runs, digest: learnt })
    }
    const waiting = this.writer.content(content, size, (piece) => sum.add(piece))
    if (waiting !== undefined) return waiting.then(learn)
    learn()
    return undefined
  }

  private async sparse(entry: LayerEntry, file: RegularFile, runs: readonly Omit<StoredRun, 'at'>[]): Promise<void> {
    this.entries.add(entry)
    this.options.unlike?.(file)
    await this.writer.append(encodeSparseHeader(headerOf(entry, file), runs))
    await this.writer.parts(file.content, runs)
  }

  /** Whether the node's time needs clamping. */
  private isLate(node: Metadata): boolean {
    return this.options.latest !== undefined && node.mtime >= this.options.latest
  }

  private metadata(node: Metadata): Metadata {
    const { mode, uid, gid } = node
    const late = this.isLate(node)
    const mtime = late ? this.options.latest! : node.mtime
    const mtimeNs = late ? 0 : node.mtimeNs
    // The only attribute that Docker's differ writes.
    const capability = node.xattrs?.get('security.capability')
    if (capability === undefined) return { mode, uid, gid, mtime, mtimeNs }
    return { mode, uid, gid, mtime, mtimeNs, xattrs: new Map([['security.capability', capability]]) }
  }

  private entryOf(path: string, node: Node): LayerEntry {
    const first = this.firstName(node)
    const { mode, uid, gid, mtime, mtimeNs, xattrs } = this.metadata(node)
    const { at } = this.writer
    const entry: LayerEntry = {
      path,
      kind: node.kind,
      mode,
      uid,
      gid,
      mtime,
      mtimeNs,
      size: 0,
      at,
      runs: noRuns,
      digest: undefined,
    }
    if (first !== undefined) return { ...entry, kind: 'hardlink', link: first }
    if (node.kind !== 'directory') this.firsts.set(node, this.entries.length)
    const plain = xattrs === undefined ? entry : { ...entry, xattrs }
    if (node.kind === 'file') return { ...plain, size: node.size }
    if (node.kind === 'symlink') return { ...plain, mode: 0o777, link: node.target }
    if (node.kind === 'char' || node.kind === 'block') return { ...plain, device: [node.major, node.minor] }
    return plain
  }

  private firstName(node: Node): string | undefined {
    const first = node.kind === 'directory' ? undefined : this.firsts.get(node)
    return first === undefined ? undefined : this.entries.pathOf(first)
  }

  /** Copies the longest run of entries starting at index `i` that the earlier layer has too; returns their number. */
  private async takeOver(i: number): Promise<number> {
    const { index, path } = this.options.previous!
    const earlier = this.earlier!
    const { at } = earlier.columns
    const place = this.numberOf(this.differences[i]!.path, earlier)
    if (place === undefined || at[place]! < 0) return 0
    const start = at[place]!
    const shift = this.writer.at - start
    let count = 0
    for (; i + count < this.differences.length && place + count < earlier.count; count++) {
      const entry = earlier.entry(place + count)
      const difference = this.differences[i + count]!
      if (
        entry.at < 0 ||
        difference.kind !== 'put' ||
        difference.path !== entry.path ||
        !this.sameAs(entry, difference.node)
      )
        break
      this.keep(entry, difference.node, shift)
    }
    if (count === 0) return 0
    this.expected = place + count
    let next = this.expected
    while (next < earlier.count && at[next]! < 0) next++
    await this.writer.copy(path, start, at[next] ?? index.size - endOfArchive.length)
    return count
  }

  /** Returns the number of the earlier layer's entry with this path. */
  private numberOf(path: string, earlier: LayerTable): number | undefined {
    // The expected one, or the one after a changed one.
    for (const i of [this.expected, this.expected + 1]) if (i < earlier.count && earlier.path(i) === path) return i
    this.numbers ??= new Map(Array.from({ length: earlier.count }, (_, i) => [earlier.path(i), i]))
    return this.numbers.get(path)
  }

  private keep(entry: LayerEntry, node: Node, shift: number): void {
    if (node.kind !== 'directory' && !this.firsts.has(node)) this.firsts.set(node, this.entries.length)
    if (shift === 0 && entry.mtimeNs === node.mtimeNs) {
      this.entries.add(entry)
      return
    }
    const runs = entry.runs.map(({ position, length, at }) => ({ position, length, at: at + shift }))
    this.entries.add({ ...entry, at: entry.at + shift, runs, mtimeNs: this.isLate(node) ? 0 : node.mtimeNs })
  }

  private sameAs(entry: LayerEntry, node: Node): boolean {
    const mtime = this.isLate(node) ? this.options.latest : node.mtime
    if (entry.mtime !== mtime || entry.uid !== node.uid || entry.gid !== node.gid) return false
    if (entry.mode !== (node.kind === 'symlink' ? 0o777 : node.mode)) return false
    if (entry.xattrs !== undefined || node.xattrs !== undefined) return false
    const first = this.firstName(node)
    if (first !== undefined) return entry.kind === 'hardlink' && entry.link === first
    if (entry.kind !== node.kind) return false
    if (node.kind === 'symlink') return entry.link === node.target
    if (node.kind !== 'file') return node.kind === 'directory' || node.kind === 'fifo'
    return (
      entry.size === node.size &&
      (entry.size === 0 || (entry.digest !== undefined && entry.digest === node.content.digest))
    )
  }
}

const noRuns: readonly StoredRun[] = []

/** `exact`: what has the nanoseconds. */
function headerOf(entry: LayerEntry, exact?: Metadata): TarHeader {
  const { path, mode, uid, gid, mtime, link, device, xattrs, size } = entry
  const isDirectory = entry.kind === 'directory'
  const header: TarHeader = {
    path: isDirectory ? `${path}/` : path,
    kind: entry.kind as TarHeader['kind'],
    mode,
    uid,
    gid,
    size,
    mtime,
    mtimeNs: exact?.exactNs ?? exact?.mtimeNs ?? 0,
  }
  if (link === undefined && device === undefined && xattrs === undefined) return header
  return {
    ...header,
    ...(link === undefined ? {} : { link }),
    ...(device === undefined ? {} : { deviceMajor: device[0], deviceMinor: device[1] }),
    ...(xattrs === undefined ? {} : { xattrs }),
  }
}
