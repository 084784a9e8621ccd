import type { EditOptions } from '../../api/index.ts'
import type { Source } from '../../content/index.ts'
import type { PulledAs, StoreEntry } from '../../content/store/index.ts'
import { type Descriptor, type Digest, isPlainLayer, layerIn, mediaTypes, plainDescriptor } from '../../oci/index.ts'
import { type Bytes, sha256 } from '../../support/index.ts'
import {
  type CompressedImage,
  type Host,
  isChecked,
  Overlay,
  pulledAsWithin,
  rememberLocation,
  repositoryOf,
} from '../index.ts'
import type { Transport } from '../transports/index.ts'
import { type Origin, refuseLarge } from './edit-places.ts'

/**
 * Where one image is edited. In the store, documents are written at once, and layers that only a registry has stay there; otherwise
 * everything new is held ready for the target.
 */
export class Workshop {
  readonly host: Host
  readonly options: EditOptions
  readonly from: Origin
  readonly inStore: boolean
  /** Other repositories that may have its layers: `registry.example/base`. */
  readonly mounts: string[] = []
  private readonly overlay: Overlay
  private readonly known = new Map<Digest, PulledAs>()
  private readonly closers: (() => Promise<void> | void)[] = []

  constructor(host: Host, options: EditOptions, from: Origin, to: Transport, source: Source) {
    this.host = host
    this.options = options
    this.from = from
    this.inStore = to.kind === 'store' ? from.kind !== 'path' && !isFile(from) : from.kind === 'store'
    this.overlay = new Overlay(source)
  }

  /** The image with everything that is new. */
  get source(): Source {
    return this.inStore ? this.host.store : this.overlay
  }

  addDocument(bytes: Buffer, mediaType: string): Descriptor {
    refuseLarge(bytes, `the document ${mediaType}`)
    if (!this.inStore) return this.overlay.addDocument(bytes, mediaType)
    this.host.store.blobs.write(bytes)
    return { mediaType, digest: sha256(bytes), size: bytes.length }
  }

  /** Adds a blob that the target is to have; not used in the store. */
  add(blob: Descriptor, open: () => Promise<Bytes>): void {
    this.overlay.add(blob, open)
  }

  /** Returns the descriptors of an image's layers in the result. Those of a registry stay there until somebody needs them. */
  layersOf({ manifest, config }: CompressedImage): readonly Descriptor[] {
    const { store } = this.host
    if (!this.inStore) return manifest.layers
    return manifest.layers.map((layer, i) => {
      const diffId = config.diffIds[i]!
      if (isPlainLayer(layer) && layer.digest === diffId) return layer
      const size = store.blobs.touch(diffId) ? store.blobs.size(diffId) : undefined
      return size === undefined ? layerIn('oci', layer) : { mediaType: mediaTypes.layer, digest: diffId, size }
    })
  }

  /** Records what an image of the store is known by elsewhere, and the images below it. */
  builtOnStored(entry: StoreEntry, root: Descriptor): void {
    for (const one of [pulledAsWithin(this.host.store, entry, root) ?? [], entry.basedOn ?? []].flat())
      this.known.set(one.manifest.digest, one)
  }

  /** Records where the layers of a registry's image are, for the store: its config only claims that they are these. */
  builtOnRemote(transport: Transport, image: CompressedImage): void {
    if (transport.kind !== 'registry') return
    const { store } = this.host
    const { manifest, config, blob, root, documents, configBytes } = image
    const repository = repositoryOf(transport.name)
    for (const bytes of [...documents, configBytes]) store.blobs.write(bytes)
    for (const [i, layer] of manifest.layers.entries()) rememberLocation(store, config.diffIds[i]!, layer, repository)
    const claims = manifest.layers.flatMap(({ digest }, i) =>
      isChecked(store, config.diffIds[i]!, digest) ? [] : [digest],
    )
    this.known.set(blob.digest, { manifest: plainDescriptor(blob), root: plainDescriptor(root), repository, claims })
  }

  get basedOn(): readonly PulledAs[] | undefined {
    return this.known.size === 0 ? undefined : [...this.known.values()]
  }

  atEnd(close: () => Promise<void> | void): void {
    this.closers.push(close)
  }

  async close(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close()
  }
}

function isFile({ kind }: Origin): boolean {
  return kind === 'oci' || kind === 'oci-archive' || kind === 'docker-archive'
}
