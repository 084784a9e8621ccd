import { type ArchiveLayer, type ArchiveSource, openArchive } from '../../content/archive/index.ts'
import type { Source } from '../../content/index.ts'
import type { Entry, Reservation } from '../../content/store/index.ts'
import { type Descriptor, formatReference, parseReference } from '../../oci/index.ts'
import { entryMeant, findImage, type Host, unpackLimit } from '../index.ts'
import { layoutReferrers, type ReferrersSource, registryReferrers } from './copy-referrers.ts'
import { sourceOfDockerArchive } from './docker-archive-source.ts'
import { rootOfLayout } from './layout-roots.ts'
import { openSource, type RegistryCall, unknownImage } from './remote-image.ts'
import { formatTransport, type LayoutTransport, type Transport } from './transport.ts'

/** An image in its place, to be read. Close it. */
export interface OpenedImage {
  readonly source: Source
  readonly root: Descriptor
  /** Its layers are plain tars for want of anything else: on the way to a registry they are squeezed. */
  readonly plain?: boolean | undefined
  /** Of the store, where it stands there. */
  readonly entry?: Entry | undefined
  /** Of a place that knows what refers to its images. */
  readonly referrers?: ReferrersSource | undefined
  close(): Promise<void>
}

/** Finds an image in its place. Rejects with `IMAGE_UNKNOWN` and with what the kind of place can meet. */
export async function openImage(host: Host, place: Transport, call: RegistryCall): Promise<OpenedImage> {
  switch (place.kind) {
    case 'registry': {
      const source = await openSource(host, place.name, call)
      try {
        const root = await source.resolve(place.name)
        if (root === undefined) throw unknownImage(place.name, source.mirrorsSaid)
        return { source, root, referrers: registryReferrers(source, place.name), close: async () => source.close() }
      } catch (error) {
        source.close()
        throw error
      }
    }
    case 'store': {
      const { root, entries } = findImage(host.store, place.text, host.platform)
      return { source: host.store, root, entry: entryMeant(entries, place.text), close: async () => {} }
    }
    default:
      return openFile(host, place, call)
  }
}

/** An image of a file or a folder, to be looked into where it lies. */
export interface ImageInPlace extends OpenedImage {
  /** Where a blob lies on disk, unchecked. */
  readonly locate: ArchiveSource['locate']
  /** Its layers, where only a docker-archive speaks of them. */
  readonly layers?: readonly ArchiveLayer[] | undefined
}

/** Finds an image in a file or a folder to read it there. A path alone is told by what is in it. */
export function openInPlace(host: Host, place: FilePlace | PathAlone, call: RegistryCall): Promise<ImageInPlace> {
  return withArchive(host, place.path, call, async (archive) => {
    const { locate } = archive
    const isLayout = place.kind === 'path' ? (await archive.roots()).length > 0 : place.kind !== 'docker-archive'
    if (!isLayout) {
      const name = place.kind === 'path' ? place.label : place.kind === 'docker-archive' ? place.name : undefined
      const wanted = typeof name === 'string' ? parseReference(name) : name
      const full = wanted === undefined ? undefined : formatReference(wanted)
      return { ...(await sourceOfDockerArchive(archive, place.path, full, { inPlace: true })), locate }
    }
    const layout = { ...place, kind: 'oci-archive' } as LayoutTransport
    const root = await rootOfLayout(archive, layout, place.kind === 'path' ? place.path : formatTransport(place))
    return { source: archive, root, locate }
  })
}

export interface PathAlone {
  readonly kind: 'path'
  readonly path: string
  readonly label?: string | undefined
}

type FilePlace = LayoutTransport | Extract<Transport, { kind: 'docker-archive' }>

function openFile(host: Host, place: FilePlace, call: RegistryCall): Promise<OpenedImage> {
  return withArchive(host, place.path, call, async (archive) => {
    if (place.kind === 'docker-archive') {
      const wanted = place.name === undefined ? undefined : formatReference(place.name)
      return sourceOfDockerArchive(archive, place.path, wanted)
    }
    const root = await rootOfLayout(archive, place, formatTransport(place))
    return { source: archive, root, referrers: layoutReferrers(archive) }
  })
}

/** What `open` finds in the archive, with the way to close both. */
async function withArchive<T extends object>(
  host: Host,
  path: string,
  { signal }: RegistryCall,
  open: (archive: ArchiveSource) => Promise<T>,
): Promise<T & Pick<OpenedImage, 'close'>> {
  // What a compressed archive is unpacked into; a folder and a plain tar are read where they are, and ask for none.
  let scratch: Reservation | undefined
  try {
    const archive = await openArchive(path, {
      get scratch() {
        scratch ??= host.store.reserve()
        return scratch.path
      },
      unpackLimit: unpackLimit(host),
      ...(signal === undefined ? {} : { signal }),
    })
    const close = async () => {
      await archive.close()
      scratch?.discard()
    }
    try {
      return { ...(await open(archive)), close }
    } catch (error) {
      await archive.close()
      throw error
    }
  } catch (error) {
    scratch?.discard()
    throw error
  }
}
