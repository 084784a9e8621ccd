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

/** containerd's annotation for an image's full name in an OCI layout; the spec's own annotation holds only the tag. */
export const imageNameAnnotation = 'io.containerd.image.name'
export const refNameAnnotation = 'org.opencontainers.image.ref.name'

/** Returns the annotations by which other tools find an image in a layout, from its full name. */
export function nameNotes(name: Reference): Readonly<Record<string, string>> {
  if (name.tag === undefined) return {}
  return { [imageNameAnnotation]: formatReference(name), [refNameAnnotation]: name.tag }
}

/** Returns the annotations for a label used verbatim, as skopeo does; containerd accepts only more than a tag. */
export function labelNotes(text: string): Readonly<Record<string, string>> {
  return { ...(/[/:]/.test(text) ? { [imageNameAnnotation]: text } : {}), [refNameAnnotation]: text }
}

export function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`
}

/** Returns the members of an OCI layout with all images of every root. (image-spec, image-layout.md) */
export async function ociMembers(
  gathered: ImageSet,
  roots: readonly Root[],
  notes?: Readonly<Record<string, string>>,
): Promise<readonly Member[]> {
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
  return inOrder([...layoutMembers(roots, newest, notes), ...blobs.values()])
}

/** Returns the files that make a tar an OCI layout, besides blobs. `newest` replaces the time of the save that Docker uses. */
export function layoutMembers(
  roots: readonly Root[],
  newest: number,
  more: Readonly<Record<string, string>> = {},
): readonly Member[] {
  const manifests = roots.flatMap(({ blob, names, labels = [] }) => {
    const { mediaType, digest, size, platform } = blob
    const plain: Descriptor = { mediaType, digest, size, ...(platform === undefined ? {} : { platform }) }
    const notes = [...names.filter(({ tag }) => tag !== undefined).map(nameNotes), ...labels.map(labelNotes)]
    if (notes.length === 0) notes.push({})
    return notes.map((own) => {
      // Only images are annotated, not what refers to one.
      const annotations = names.length > 0 || roots.length === 1 ? { ...more, ...own } : own
      return Object.keys(annotations).length === 0 ? plain : { ...plain, annotations }
    })
  })
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: manifests.map(descriptorJson) }
  return [
    { kind: 'directory', path: 'blobs/', mtime: newest },
    { kind: 'directory', path: 'blobs/sha256/', mtime: newest },
    textMember('index.json', goJson(index), newest),
    // Docker writes this blank.
    textMember('oci-layout', '{"imageLayoutVersion": "1.0.0"}', 0),
  ]
}

/** Returns 0 if the config is not an image's, for example an attestation's or a chart's. */
async function createdOf(gathered: ImageSet, config: Descriptor): Promise<number> {
  if (!isImageConfigType(config.mediaType)) return 0
  const { created } = parseDocument(await gathered.document(config), `the config ${config.digest}`)
  return secondsOf(typeof created === 'string' ? created : undefined)
}
