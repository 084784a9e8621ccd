import { createHash } from 'node:crypto'
import type { Digest } from '../../oci/index.ts'
import { encodeHeader, endOfArchive, padding, type StoredRun, type TarHeader, writeHeader } from '../tar/index.ts'
import type { Difference, Metadata, Node, RegularFile } from '../tree/index.ts'
import { ContentReader, knownDigest, learnDigest } from './content.ts'
import { createLayerFile, type LayerFile, slabSize } from './layer-file.ts'
import { assembleIndex, encodeEntries, type LayerEntry, type LayerIndex } from './layer-index.ts'
import { whiteoutOf } from './whiteout.ts'

export interface PackOptions {
  /** The file to write the layer to; it must not exist. */
  readonly path: string
  /** An earlier layer of the same step: entries that are the same are taken over from it, without reading their files. */
  readonly previous?: { readonly index: LayerIndex; readonly path: string } | undefined
  /** Whether to learn the file's sha256 while it is read. Else it is in the index only if it is known already. */
  readonly digests: (file: RegularFile) => boolean
  /** Times later than this (seconds since 1970) become it. */
  readonly latest?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Hears of bytes written. */
  readonly progress?: ((bytes: number) => void) | undefined
}

/** A layer that was written: what is in it, and that as a text to keep. */
export interface PackedLayer {
  readonly index: LayerIndex
  readonly encoded: string
}

/**
 * Writes the differences, which come in a layer's order, as a layer: the bytes that Docker would write (ARCHITECTURE.md, "A
 * layer, byte for byte"). Names of one node are hard links to the first. The file is removed by the caller on failure.
 */
export async function packLayer(differences: readonly Difference[], options: PackOptions): Promise<PackedLayer> {
  let expected = 0
  for (const difference of differences)
    if (difference.kind === 'put' && difference.node.kind === 'file') expected += difference.node.size + 1024
  const packer = new Packer(differences, options, await createLayerFile(options.path, expected))
  try {
    return await packer.run()
  } catch (error) {
    await packer.abandon()
    throw error
  }
}

class Packer {
  private readonly differences: readonly Difference[]
  private readonly options: PackOptions
  private readonly file: LayerFile
  private readonly reader = new ContentReader()
  private readonly entries: LayerEntry[] = []
  private readonly firstNames = new Map<Node, string>()
  private readonly earlier: ReadonlyMap<string, number>
  private slab: Buffer = Buffer.alloc(0)
  private used = slabSize
  private written = 0

  constructor(differences: readonly Difference[], options: PackOptions, file: LayerFile) {
    this.differences = differences
    this.options = options
    this.earlier = new Map(options.previous?.index.entries.map((entry, i) => [entry.path, i]))
    this.file = file
  }

  async run(): Promise<PackedLayer> {
    this.slab = await this.file.take()
    this.used = 0
    for (let i = 0; i < this.differences.length; ) {
      this.options.signal?.throwIfAborted()
      const taken = this.options.previous === undefined ? 0 : await this.takeOver(i)
      if (taken === 0) await this.add(this.differences[i]!)
      i += Math.max(1, taken)
    }
    await this.append(endOfArchive)
    if (this.used > 0) this.file.write(this.slab, this.used)
    this.reader.close()
    const finished = this.file.finish()
    // Another thread may still be hashing.
    const entries = encodeEntries(this.entries)
    const { digest, size } = await finished
    const index = { diffId: digest, size, entries: this.entries }
    return { index, encoded: assembleIndex(index, entries) }
  }

  async abandon(): Promise<void> {
    this.reader.close()
    await this.file.abandon()
  }

  /** Where the next byte goes. */
  private get at(): number {
    return this.written + this.used
  }

  private async add(difference: Difference): Promise<void> {
    if (difference.kind === 'remove') {
      const metadata = { mode: 0, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 }
      const at = this.at
      await this.header({ path: whiteoutOf(difference.path), kind: 'file', size: 0, ...metadata })
      this.entries.push({ path: difference.path, kind: 'remove', size: 0, at, runs: noRuns, ...metadata })
      return
    }
    const { path, node } = difference
    if (difference.kind === 'settle') {
      this.entries.push({ path, kind: 'settle', size: 0, at: -1, runs: noRuns, ...this.metadata(node) })
      return
    }
    const entry = this.entryOf(path, node)
    await this.header(headerOf(entry))
    if (entry.kind !== 'file') {
      this.entries.push(entry)
      return
    }
    const runs = entry.size === 0 ? noRuns : [{ position: 0, length: entry.size, at: this.at }]
    const digest = await this.body(node as RegularFile)
    this.entries.push({ ...entry, runs, digest })
  }

  /** Whether the node's time is later than any may be. */
  private isLate(node: Metadata): boolean {
    return this.options.latest !== undefined && node.mtime >= this.options.latest
  }

  private metadata(node: Metadata): Metadata {
    const { mode, uid, gid } = node
    const late = this.isLate(node)
    const mtime = late ? this.options.latest! : node.mtime
    const mtimeNs = late ? 0 : node.mtimeNs
    // The only attribute that Docker's differ writes into a layer.
    const capability = node.xattrs?.get('security.capability')
    if (capability === undefined) return { mode, uid, gid, mtime, mtimeNs }
    return { mode, uid, gid, mtime, mtimeNs, xattrs: new Map([['security.capability', capability]]) }
  }

  private entryOf(path: string, node: Node): LayerEntry {
    const first = node.kind === 'directory' ? undefined : this.firstNames.get(node)
    const { mode, uid, gid, mtime, mtimeNs, xattrs } = this.metadata(node)
    const at = this.at
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
    if (node.kind !== 'directory') this.firstNames.set(node, path)
    const plain = xattrs === undefined ? entry : { ...entry, xattrs }
    if (node.kind === 'file') return { ...plain, size: node.size }
    if (node.kind === 'symlink') return { ...plain, mode: 0o777, link: node.target }
    if (node.kind === 'char' || node.kind === 'block') return { ...plain, device: [node.major, node.minor] }
    return plain
  }

  private async header(header: TarHeader): Promise<void> {
    if (this.slab.length - this.used < 512) await this.flush()
    const count = writeHeader(this.slab, this.used, header)
    if (count > 0) this.used += count
    else await this.append(encodeHeader(header))
  }

  private async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      if (this.used === this.slab.length) await this.flush()
      const count = Math.min(bytes.length - done, this.slab.length - this.used)
      this.slab.set(bytes.subarray(done, done + count), this.used)
      this.used += count
      done += count
    }
  }

  /** Writes the file's content and its padding; answers its digest if it is known now. */
  private async body(file: RegularFile): Promise<Digest | undefined> {
    let digest = file.digest ?? knownDigest(file.content)
    const hash = digest === undefined && this.options.digests(file) ? createHash('sha256') : undefined
    for (let position = 0; position < file.size; ) {
      if (this.used === this.slab.length) await this.flush()
      const count = Math.min(file.size - position, this.slab.length - this.used)
      const piece = this.slab.subarray(this.used, this.used + count)
      this.reader.read(file.content, piece, position)
      hash?.update(piece)
      this.used += count
      position += count
    }
    if (hash !== undefined) {
      digest = `sha256:${hash.digest('hex')}`
      learnDigest(file.content, digest)
    }
    await this.append(zeros.subarray(0, padding(file.size)))
    return digest
  }

  private async flush(): Promise<void> {
    this.options.signal?.throwIfAborted()
    this.file.write(this.slab, this.used)
    this.written += this.used
    this.options.progress?.(this.written)
    this.slab = await this.file.take()
    this.used = 0
  }

  /** Copies the longest run of entries from the place `i` that the earlier layer has too, one after the other; answers how many. */
  private async takeOver(i: number): Promise<number> {
    const { index, path } = this.options.previous!
    const place = this.earlier.get(this.differences[i]!.path)
    if (place === undefined) return 0
    const start = index.entries[place]!
    if (start.at < 0) return 0
    const shift = this.at - start.at
    let count = 0
    for (; i + count < this.differences.length && place + count < index.entries.length; count++) {
      const entry = index.entries[place + count]!
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
    const next = index.entries.slice(place + count).find((entry) => entry.at >= 0)
    await this.copy(path, start.at, next?.at ?? index.size - endOfArchive.length)
    return count
  }

  private keep(entry: LayerEntry, node: Node, shift: number): void {
    if (node.kind !== 'directory' && !this.firstNames.has(node)) this.firstNames.set(node, entry.path)
    if (shift === 0 && entry.mtimeNs === node.mtimeNs) {
      this.entries.push(entry)
      return
    }
    const runs = entry.runs.map(({ position, length, at }) => ({ position, length, at: at + shift }))
    this.entries.push({ ...entry, at: entry.at + shift, runs, mtimeNs: this.isLate(node) ? 0 : node.mtimeNs })
  }

  private sameAs(entry: LayerEntry, node: Node): boolean {
    const mtime = this.isLate(node) ? this.options.latest : node.mtime
    if (entry.mtime !== mtime || entry.uid !== node.uid || entry.gid !== node.gid) return false
    if (entry.mode !== (node.kind === 'symlink' ? 0o777 : node.mode)) return false
    if (entry.xattrs !== undefined || node.xattrs !== undefined) return false
    const first = node.kind === 'directory' ? undefined : this.firstNames.get(node)
    if (first !== undefined) return entry.kind === 'hardlink' && entry.link === first
    if (entry.kind !== node.kind) return false
    if (node.kind === 'symlink') return entry.link === node.target
    if (node.kind !== 'file') return node.kind === 'directory' || node.kind === 'fifo'
    return (
      entry.size === node.size &&
      (entry.size === 0 || (entry.digest !== undefined && entry.digest === (node.digest ?? knownDigest(node.content))))
    )
  }

  private async copy(path: string, from: number, to: number): Promise<void> {
    const content = { kind: 'extent', path, offset: from } as const
    for (let position = 0; position < to - from; ) {
      if (this.used === this.slab.length) await this.flush()
      const count = Math.min(to - from - position, this.slab.length - this.used)
      this.reader.read(content, this.slab.subarray(this.used, this.used + count), position)
      this.used += count
      position += count
    }
  }
}

const zeros = Buffer.alloc(512)
const noRuns: readonly StoredRun[] = []

function headerOf(entry: LayerEntry): TarHeader {
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
    mtimeNs: 0,
  }
  if (link === undefined && device === undefined && xattrs === undefined) return header
  return {
    ...header,
    ...(link === undefined ? {} : { link }),
    ...(device === undefined ? {} : { deviceMajor: device[0], deviceMinor: device[1] }),
    ...(xattrs === undefined ? {} : { xattrs }),
  }
}
