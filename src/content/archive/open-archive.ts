import { TareError } from '../../support/index.ts'
import type { ArchiveFiles } from './archive-files.ts'
import { dockerImages } from './docker-images.ts'
import { blobPath } from './oci-format.ts'
import { layoutRoots, namesByConfig, ociImages, openBlob, rootNamed } from './oci-images.ts'
import { openFiles } from './open-files.ts'
import type { ArchiveImage, ArchiveInput, ArchiveSource, OpenOptions } from './types.ts'

/**
 * Opens an image archive: a docker-archive with `manifest.json`, an OCI layout, or a combination; as a folder, a tar, or a
 * compressed tar. Rejects with `ARCHIVE_MISSING`, `ARCHIVE_UNREADABLE`, `ARCHIVE_EMPTY`, `ARCHIVE_UNKNOWN`,
 * `ARCHIVE_PATH_ESCAPES` and `TAR_…`. Must be closed.
 */
export async function openArchive(input: ArchiveInput, options: OpenOptions): Promise<ArchiveSource> {
  const shelf = await openFiles(input, options)
  let closed: Promise<void> | undefined
  const roots = async () => {
    const index = await shelf.find('index.json')
    return index === undefined ? [] : layoutRoots(shelf, index)
  }
  return {
    images: () => imagesOf(shelf, options.unpackLimit),
    roots,
    resolve: async (name) => rootNamed(await roots(), name),
    open: (blob) => openBlob(shelf, blob),
    locate: async ({ digest, size }) => {
      const at = (await shelf.find(blobPath(digest)))?.at
      return at?.size === size ? at : undefined
    },
    close: () => {
      closed ??= shelf.close()
      return closed
    },
  }
}

/**
 * If both exist they list the same images; `manifest.json` has the names as the user gave them, and index.json may name images
 * that have no name there.
 */
async function imagesOf(shelf: ArchiveFiles, unpackLimit: number | undefined): Promise<readonly ArchiveImage[]> {
  const manifest = await shelf.find('manifest.json')
  const index = await shelf.find('index.json')
  if (manifest !== undefined) {
    const images = await dockerImages(shelf, manifest, unpackLimit)
    if (index === undefined || images.every(({ names }) => names.length > 0)) return images
    const names = await namesByConfig(shelf, index)
    return images.map((image) =>
      image.names.length > 0 ? image : { ...image, names: names.get(image.config.digest) ?? [] },
    )
  }
  if (index !== undefined) return ociImages(shelf, index, unpackLimit)
  throw await noImages(shelf)
}

async function noImages(shelf: ArchiveFiles): Promise<TareError> {
  const names = await shelf.names()
  const unknown = (message: string, remedy: string) =>
    new TareError('ARCHIVE_UNKNOWN', `${shelf.label} ${message}`, { remedy })
  if (names.includes('repositories'))
    return unknown(
      'is an image archive from Docker before 1.10, without manifest.json',
      'Load it with docker, and save it again.',
    )
  const nested = names.find((name) => /^[^/]+\/(?:manifest|index)\.json$/.test(name))
  if (nested !== undefined)
    return unknown(
      `has its image in the folder ${nested.replace(/\/.*/, '')}, but it must be at the top level`,
      `Unpack it and load the folder, or repack its contents: tar -C ${nested.replace(/\/.*/, '')} -cf image.tar .`,
    )
  if (names.some((name) => /^(?:bin|etc|usr|lib)(?:\/|$)/.test(name)))
    return unknown(
      'is a container’s filesystem, not an image archive',
      'Turn it into an image with `tare import`, or with ADD in a Dockerfile that starts FROM scratch.',
    )
  return unknown(
    'is not an image archive: it has neither manifest.json nor index.json',
    'An image archive is made by `docker save`, `skopeo copy` or `tare save`, or is an OCI layout.',
  )
}
