import { type Digest, goJson, hexOf, parseDocument } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { repositoriesMember, repoTags } from './docker-format.ts'
import type { ImageSet, SavedImage } from './image-set.ts'
import { inOrder, type Member, secondsOf, textMember } from './member.ts'
import { v1Images } from './v1-image.ts'

/**
 * Returns the members of an archive as Docker wrote it before version 25: `<config>.json`, and a folder per layer named by its v1
 * ID. A layer that occurs again under another ID is a symlink.
 */
export async function legacyMembers(gathered: ImageSet, images: readonly SavedImage[]): Promise<readonly Member[]> {
  const members = new Map<string, Member>()
  const layerOf = new Map<Digest, string>()
  const tops = new Map<SavedImage, string>()
  const add = (member: Member) => {
    if (!members.has(member.path)) members.set(member.path, member)
  }
  const items: unknown[] = []
  for (const image of images) {
    const { manifest, config } = image
    const mtime = secondsOf(config.created)
    if (manifest.layers.length !== config.diffIds.length)
      throw new TareError(
        'MANIFEST_INVALID',
        `the manifest ${image.manifestBlob.digest} and its config disagree on the number of layers`,
      )
    const configName = `${hexOf(manifest.config.digest)}.json`
    add({ kind: 'blob', path: configName, mtime, blob: manifest.config })
    const raw = parseDocument(await gathered.document(manifest.config), `the config ${manifest.config.digest}`)
    const chain = v1Images(raw, config.diffIds)
    for (const [i, { id, json }] of chain.entries()) {
      if (members.has(`${id}/`)) continue
      const blob = manifest.layers[i]!
      const path = `${id}/layer.tar`
      const known = layerOf.get(blob.digest)
      add({ kind: 'directory', path: `${id}/`, mtime })
      add(textMember(`${id}/VERSION`, '1.0', mtime))
      add(textMember(`${id}/json`, json, mtime))
      add(
        known === undefined
          ? { kind: 'blob', path, mtime, blob }
          : { kind: 'symlink', path, mtime, link: `../${known}` },
      )
      if (known === undefined) layerOf.set(blob.digest, path)
    }
    const top = chain.at(-1)
    if (top !== undefined) tops.set(image, top.id)
    items.push({ Config: configName, RepoTags: repoTags(image), Layers: chain.map(({ id }) => `${id}/layer.tar`) })
  }
  return inOrder([
    ...members.values(),
    textMember('manifest.json', `${goJson(items)}\n`, 0),
    ...repositoriesMember(images, (image) => tops.get(image)),
  ])
}
