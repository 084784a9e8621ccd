import { openArchive } from '../../content/archive/index.ts'
import type { Source } from '../../content/index.ts'
import type { Entry, Reservation } from '../../content/store/index.ts'
import { type Descriptor, formatReference } from '../../oci/index.ts'
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

type FilePlace = LayoutTransport | Extract<Transport, { kind: 'docker-archive' }>

async function openFile(host: Host, place: FilePlace, { signal }: RegistryCall): Promise<OpenedImage> {
  // What a compressed archive is unpacked into; a folder and a plain tar are read where they are, and ask for none.
  let scratch: Reservation | undefined
  try {
    const archive = await openArchive(place.path, {
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
      if (place.kind === 'docker-archive') {
        const wanted = place.name === undefined ? undefined : formatReference(place.name)
        return { ...(await sourceOfDockerArchive(archive, place.path, wanted)), close }
      }
      const root = await rootOfLayout(archive, place, formatTransport(place))
      return { source: archive, root, referrers: layoutReferrers(archive), close }
    } catch (error) {
      await archive.close()
      throw error
    }
  } catch (error) {
    scratch?.discard()
    throw error
  }
}
