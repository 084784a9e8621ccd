import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import type { NewLayer } from '../../api/index.ts'
import type { Reservation } from '../../content/store/index.ts'
import { compress, decompress, sniff, sniffLength } from '../../files/compression/index.ts'
import { openDirectory, spool } from '../../files/context/index.ts'
import { indexFlow, packLayer } from '../../files/layer/index.ts'
import { compareTrees, Tree } from '../../files/tree/index.ts'
import { type Descriptor, type Digest, type Family, layerIn, mediaTypes } from '../../oci/index.ts'
import { Gauge, measured, readPipe, TareError } from '../../support/index.ts'
import { unpackLimit } from '../index.ts'
import { ingestLayer } from '../ingest/index.ts'
import { readFrom } from '../rewrite/index.ts'
import type { Workshop } from './workshop.ts'

/** A layer that is added to an image. */
export interface AddedLayer {
  readonly diffId: Digest
  readonly blob: Descriptor
  /** The name of its file or folder. */
  readonly name: string
}

/** Makes layers of tars and folders once, for all platforms. */
export class NewLayers {
  private readonly layers: readonly NewLayer[]
  private readonly made = new Map<Family, Promise<readonly AddedLayer[]>>()
  private files: Promise<readonly string[]> | undefined

  constructor(layers: readonly NewLayer[]) {
    this.layers = layers
  }

  /** Returns the layers as a manifest of this family has them. A tar that is compressed stays as it is where that is possible. */
  of(family: Family, workshop: Workshop): Promise<readonly AddedLayer[]> {
    const made = this.made.get(family) ?? this.make(family, workshop)
    this.made.set(family, made)
    return made
  }

  /** Throws `OPTION_INVALID` for layers that could not be mounted by Windows. */
  async refuseUnlessWindows(added: readonly AddedLayer[], { host }: Workshop): Promise<void> {
    for (const [i, path] of (await this.files)!.entries()) {
      const { bytes } = await decompress(readFrom(path, 0), unpackLimit(host))
      const { table } = await indexFlow(bytes, `layer ${added[i]!.diffId}`, { digests: false })
      const paths = Array.from({ length: table.count }, (_, entry) => table.path(entry))
      const other = paths.find((path) => !/^\/?(?:Files|Hives|UtilityVM)(?:\/|$)/.test(path))
      if (other !== undefined)
        throw new TareError('OPTION_INVALID', `${added[i]!.name} is no layer of a Windows image: it has ${other}`, {
          remedy: 'Layers of Windows have their files below Files/.',
        })
    }
  }

  private async make(family: Family, workshop: Workshop): Promise<readonly AddedLayer[]> {
    this.files ??= this.spooled(workshop)
    const added: AddedLayer[] = []
    for (const [i, path] of (await this.files).entries()) {
      const given = this.layers[i]!
      const layer = await layerOf(path, family, workshop).catch((error: unknown) => {
        throw notALayer(given, error)
      })
      added.push({ ...layer, name: nameOf(given) })
    }
    return added
  }

  private async spooled(workshop: Workshop): Promise<readonly string[]> {
    const paths: string[] = []
    for (const layer of this.layers) paths.push(await asFile(layer, workshop))
    return paths
  }
}

function nameOf(layer: NewLayer): string {
  return 'path' in layer ? basename(resolve(layer.path)) : (layer.name ?? '-')
}

/** Says of which of the layers an error speaks. */
function notALayer(layer: NewLayer, error: unknown): unknown {
  if (!(error instanceof TareError) || !/^(?:TAR|ARCHIVE|LAYER)_/.test(error.code)) return error
  const what = 'path' in layer ? layer.path : (layer.name ?? 'the tar')
  const { code, message, remedy } = error
  return new TareError(code, `${what} cannot be added as a layer: ${message}`, { remedy, cause: error })
}

function reserve(workshop: Workshop): Reservation {
  const file = workshop.host.store.reserve()
  workshop.atEnd(() => file.discard())
  return file
}

/** Returns the path of a tar, compressed or not, that stays as it is until the workshop closes. */
async function asFile(layer: NewLayer, workshop: Workshop): Promise<string> {
  const { host, options } = workshop
  const { path } = reserve(workshop)
  try {
    if (!('path' in layer)) {
      await spool(path, layer.bytes, options.signal)
      return path
    }
    const stat = statSync(layer.path, { throwIfNoEntry: false })
    if (stat?.isDirectory() === true) await packFolder(layer.path, path, options.signal)
    else if (stat?.isFIFO() === true) await spool(path, readPipe(layer.path, options.signal), options.signal)
    else if (stat?.isFile() === true) await spool(path, createReadStream(layer.path), options.signal)
    else
      throw new TareError(
        'ARCHIVE_MISSING',
        `${layer.path} ${stat === undefined ? 'does not exist' : 'is neither a file nor a folder'}`,
        { remedy: 'Name a tar archive, or a folder whose files are to be added.' },
      )
    return path
  } catch (error) {
    throw host.store.explain(error)
  }
}

async function packFolder(folder: string, path: string, signal: AbortSignal | undefined): Promise<void> {
  const context = openDirectory(folder, { name: folder })
  try {
    const differences = compareTrees(Tree.empty.root, context.tree.root, () => false)
    await packLayer(differences, { path, digests: () => false, signal })
  } finally {
    context.close()
  }
}

/** Checks that the file is a layer, and puts it into the store, or makes it ready for a target. */
async function layerOf(path: string, family: Family, workshop: Workshop): Promise<Omit<AddedLayer, 'name'>> {
  const { host, options, inStore } = workshop
  const limit = unpackLimit(host)
  const format = sniff(headOf(path))
  const plain = async () => (await decompress(readFrom(path, 0), limit)).bytes
  if (inStore) {
    const blob = await ingestLayer(host, undefined, plain, options.signal)
    refuseEmpty(blob.size)
    return { diffId: blob.digest, blob }
  }
  const keeps = format === 'gzip' || (format === 'zstd' && family === 'oci')
  const [unpacked, packed] = [new Gauge(), new Gauge()]
  const file = keeps ? path : reserve(workshop).path
  if (keeps) {
    const { bytes } = await decompress(measured(readFrom(path, 0), packed), limit)
    for await (const _ of measured(bytes, unpacked)) options.signal?.throwIfAborted()
  } else await spool(file, measured(compress(measured(await plain(), unpacked), 'gzip'), packed), options.signal)
  refuseEmpty(unpacked.size)
  const diffId = unpacked.digest()
  await indexFlow(await plain(), `layer ${diffId}`, { digests: false })
  const mediaType = keeps && format === 'zstd' ? mediaTypes.layerZstd : mediaTypes.layerGzip
  const blob = layerIn(family, { mediaType, digest: packed.digest(), size: packed.size })
  workshop.add(blob, async () => readFrom(file, 0))
  return { diffId, blob }
}

/** A tar without files still has its end. */
function refuseEmpty(size: number): void {
  if (size === 0)
    throw new TareError('ARCHIVE_EMPTY', 'the layer is empty (0 bytes)', {
      remedy: 'Check the program that writes the tar: its output may have been cut off.',
    })
}

function headOf(path: string): Buffer {
  const head = Buffer.alloc(sniffLength)
  const fd = openSync(path, 'r')
  try {
    return head.subarray(0, readSync(fd, head, 0, sniffLength, 0))
  } finally {
    closeSync(fd)
  }
}
