import { type ArchiveLayer, type ArchiveSource, openArchive } from '../../content/archive/index.ts'
import type { Source } from '../../content/index.ts'
import type { Reservation, StoreEntry } from '../../content/store/index.ts'
import { type Descriptor, formatReference, parseReference } from '../../oci/index.ts'
import { entryMeant, findImage, type Host, unpackLimit } from '../index.ts'
import { layoutReferrers, type ReferrersSource, registryReferrers } from './copy-referrers.ts'
import { sourceOfDockerArchive } from './docker-archive-source.ts'
import { rootOfLayout } from './layout-roots.ts'
import { openSource, type RegistryCall, unknownImage } from './remote-image.ts'
import { formatTransport, type LayoutTransport, type Transport } from './transport.ts'

/** An image opened for reading. Must be closed. */
export interface OpenedImage {
  readonly source: Source
  readonly root: Descriptor
  /** Whether its layers are uncompressed only because the source cannot say otherwise: they are compressed for a registry. */
  readonly plain?: boolean | undefined
  /** Its entry, if it is in the store. */
  readonly entry?: StoreEntry | undefined
  /** For sources that know an image's referrers. */
  readonly referrers?: ReferrersSource | undefined
  close(): Promise<void>
}

/** Opens an image. Rejects with `IMAGE_UNKNOWN` and the errors of the transport. */
export async function openImage(host: Host, transport: Transport, call: RegistryCall): Promise<OpenedImage> {
  switch (transport.kind) {
    case 'registry': {
      const source = await openSource(host, transport.name, call)
      try {
        const root = await source.resolve(transport.name)
        if (root === undefined) throw unknownImage(transport.name, source.mirrorsSaid)
        return { source, root, referrers: registryReferrers(source, transport.name), close: async () => source.close() }
      } catch (error) {
        source.close()
        throw error
      }
    }
    case 'store': {
      const { root, entries } = findImage(host.store, transport.text, host.platform)
      return { source: host.store, root, entry: entryMeant(entries, transport.text), close: async () => {} }
    }
    default:
      return openFile(host, transport, call)
  }
}

/** An image in a file or folder, opened for inspection where it is. */
export interface ImageInPlace extends OpenedImage {
  /** Returns where a blob is on disk, unverified. */
  readonly locate: ArchiveSource['locate']
  /** Its layers, if only a docker-archive describes them. */
  readonly layers?: readonly ArchiveLayer[] | undefined
}

/** Opens an image in a file or folder in place. A path without a prefix is identified by its content. */
export function openInPlace(host: Host, transport: FilePlace | PathAlone, call: RegistryCall): Promise<ImageInPlace> {
  return withArchive(host, transport.path, call, async (archive) => {
    const { locate } = archive
    const isLayout =
      transport.kind === 'path' ? (await archive.roots()).length > 0 : transport.kind !== 'docker-archive'
    if (!isLayout) {
      const name =
        transport.kind === 'path' ? transport.label : transport.kind === 'docker-archive' ? transport.name : undefined
      const wanted = typeof name === 'string' ? parseReference(name) : name
      const full = wanted === undefined ? undefined : formatReference(wanted)
      return { ...(await sourceOfDockerArchive(archive, transport.path, full, { inPlace: true })), locate }
    }
    const layout = { ...transport, kind: 'oci-archive' } as LayoutTransport
    const root = await rootOfLayout(
      archive,
      layout,
      transport.kind === 'path' ? transport.path : formatTransport(transport),
    )
    return { source: archive, root, locate }
  })
}

export interface PathAlone {
  readonly kind: 'path'
  readonly path: string
  readonly label?: string | undefined
}

type FilePlace = LayoutTransport | Extract<Transport, { kind: 'docker-archive' }>

function openFile(host: Host, transport: FilePlace, call: RegistryCall): Promise<OpenedImage> {
  return withArchive(host, transport.path, call, async (archive) => {
    if (transport.kind === 'docker-archive') {
      const wanted = transport.name === undefined ? undefined : formatReference(transport.name)
      return sourceOfDockerArchive(archive, transport.path, wanted)
    }
    const root = await rootOfLayout(archive, transport, formatTransport(transport))
    return { source: archive, root, referrers: layoutReferrers(archive) }
  })
}

/** Opens an archive, and returns what `open` finds in it with a way to close both. */
async function withArchive<T extends object>(
  host: Host,
  path: string,
  { signal }: RegistryCall,
  open: (archive: ArchiveSource) => Promise<T>,
): Promise<T & Pick<OpenedImage, 'close'>> {
  // For unpacking a compressed archive; a folder or a plain tar is read in place and needs none.
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
