import {
  type Descriptor,
  type Digest,
  descriptorJson,
  formatReference,
  goJson,
  hexOf,
  isImageConfigType,
  isIndexType,
  mediaTypes,
  parseDocument,
  type Reference,
} from '../../oci/index.ts'
import type { ImageSet, Root } from './image-set.ts'
import { inOrder, type Member, secondsOf, textMember } from './member.ts'

/** Where containerd keeps an image's whole name in an OCI layout; the spec's own annotation has the tag. */
export const imageNameAnnotation = 'io.containerd.image.name'
export const refNameAnnotation = 'org.opencontainers.image.ref.name'

/** The notes by which others know an image in a layout, from its whole name. */
export function nameNotes(name: Reference): Readonly<Record<string, string>> {
  if (name.tag === undefined) return {}
  return { [imageNameAnnotation]: formatReference(name), [refNameAnnotation]: name.tag }
}

/** The same from a text that is taken as it is, as skopeo does; containerd takes only what is more than a tag. */
export function labelNotes(text: string): Readonly<Record<string, string>> {
  return { ...(/[/:]/.test(text) ? { [imageNameAnnotation]: text } : {}), [refNameAnnotation]: text }
}

export function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`
}

/** The members of an OCI layout that has all the images of every root. (image-spec, image-layout.md) */
export async function ociMembers(gathered: ImageSet, roots: readonly Root[]): Promise<readonly Member[]> {
  const blobs = new Map<Digest, Member>()
  let newest = 0
  const add = (blob: Descriptor, mtime: number) =>
    blobs.set(blob.digest, { kind: 'blob', path: blobPath(blob.digest), mtime, blob })
  const visit = async (blob: Descriptor): Promise<void> => {
    if (blobs.has(blob.digest)) return
    add(blob, 0)
    if (isIndexType(blob.mediaType)) {
      for (const child of await gathered.index(blob)) await visit(child)
      return
    }
    const manifest = await gathered.manifest(blob)
    const created = await createdOf(gathered, manifest.config)
    newest = Math.max(newest, created)
    for (const child of [manifest.config, ...manifest.layers]) if (!blobs.has(child.digest)) add(child, created)
  }
  for (const root of roots) await visit(root.blob)
  return inOrder([...layoutMembers(roots, newest), ...blobs.values()])
}

/** What makes a tar an OCI layout, besides the blobs. `newest`: the time of what Docker dates with the time of the save. */
export function layoutMembers(roots: readonly Root[], newest: number): readonly Member[] {
  const manifests = roots.flatMap(({ blob, names, labels = [] }) => {
    const { mediaType, digest, size, platform } = blob
    const plain: Descriptor = { mediaType, digest, size, ...(platform === undefined ? {} : { platform }) }
    const notes = [...names.filter(({ tag }) => tag !== undefined).map(nameNotes), ...labels.map(labelNotes)]
    const tagged = notes.map((annotations) => ({ ...plain, annotations }))
    return tagged.length === 0 ? [plain] : tagged
  })
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: manifests.map(descriptorJson) }
  return [
    { kind: 'directory', path: 'blobs/', mtime: newest },
    { kind: 'directory', path: 'blobs/sha256/', mtime: newest },
    textMember('index.json', goJson(index), newest),
    // The blank is Docker's.
    textMember('oci-layout', '{"imageLayoutVersion": "1.0.0"}', 0),
  ]
}

/** 0 where the config is not an image's: an attestation, a chart. */
async function createdOf(gathered: ImageSet, config: Descriptor): Promise<number> {
  if (!isImageConfigType(config.mediaType)) return 0
  const { created } = parseDocument(await gathered.document(config), `the config ${config.digest}`)
  return secondsOf(typeof created === 'string' ? created : undefined)
}
