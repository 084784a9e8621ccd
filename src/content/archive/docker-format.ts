import { type Descriptor, type Digest, familiarName, familiarRepository, goJson, hexOf } from '../../oci/index.ts'
import { compareNames } from '../../support/index.ts'
import type { SavedImage } from './image-set.ts'
import { inOrder, type Member, secondsOf, textMember } from './member.ts'
import { blobPath, layoutMembers } from './oci-format.ts'

/** Returns the members of an archive in Docker 25's format: an OCI layout plus `manifest.json` and `repositories`. */
export function dockerMembers(
  images: readonly SavedImage[],
  notes?: Readonly<Record<string, string>>,
): readonly Member[] {
  const blobs = new Map<Digest, Member>()
  const add = (blob: Descriptor, mtime: number) => {
    if (!blobs.has(blob.digest)) blobs.set(blob.digest, { kind: 'blob', path: blobPath(blob.digest), mtime, blob })
  }
  for (const { manifestBlob, manifest, config } of images) {
    const created = secondsOf(config.created)
    for (const blob of [manifest.config, ...manifest.layers]) add(blob, created)
    add(manifestBlob, 0)
  }
  const manifest = images.map((image) => ({
    Config: blobPath(image.manifest.config.digest),
    RepoTags: repoTags(image),
    Layers: image.manifest.layers.map((layer) => blobPath(layer.digest)),
    LayerSources: image.manifest.layers.length === 0 ? undefined : layerSources(image),
  }))
  const roots = images.map((image) => ({ blob: image.manifestBlob, names: image.names }))
  const newest = Math.max(0, ...images.map((image) => secondsOf(image.config.created)))
  return inOrder([
    ...layoutMembers(roots, newest, notes),
    ...blobs.values(),
    textMember('manifest.json', `${goJson(manifest)}\n`, 0),
    ...repositoriesMember(images, (image) => {
      const top = image.config.diffIds.at(-1)
      return top === undefined ? undefined : hexOf(top)
    }),
  ])
}

/** Docker writes null rather than an empty list for an image without a name. */
export function repoTags(image: SavedImage): readonly string[] | null {
  const tags = image.names.filter((name) => name.tag !== undefined).map(({ digest: _, ...name }) => familiarName(name))
  return tags.length === 0 ? null : [...new Set(tags)]
}

/** Returns `repositories`, for readers older than `manifest.json`: name, tag, top layer. Omitted if empty. */
export function repositoriesMember(
  images: readonly SavedImage[],
  topOf: (image: SavedImage) => string | undefined,
): readonly Member[] {
  const repositories = new Map<string, Map<string, string>>()
  for (const image of images) {
    const top = topOf(image)
    if (top === undefined) continue
    for (const name of image.names) {
      if (name.tag === undefined) continue
      const tags = repositories.get(familiarRepository(name)) ?? new Map<string, string>()
      repositories.set(familiarRepository(name), tags.set(name.tag, top))
    }
  }
  if (repositories.size === 0) return []
  // Built as text, because an object would put names that are numbers first.
  const object = <T>(map: ReadonlyMap<string, T>, print: (value: T) => string) =>
    `{${[...map]
      .sort(([a], [b]) => compareNames(a, b))
      .map(([key, value]) => `${goJson(key)}:${print(value)}`)
      .join(',')}}`
  return [textMember('repositories', `${object(repositories, (tags) => object(tags, (top) => goJson(top)))}\n`, 0)]
}

function layerSources(image: SavedImage): Record<string, unknown> {
  const sources = image.manifest.layers.map(({ mediaType, size, digest }, i) => {
    const diffId: string = image.config.diffIds[i] ?? digest
    return [diffId, { mediaType, size, digest }] as const
  })
  return Object.fromEntries(sources.sort(([a], [b]) => compareNames(a, b)))
}
