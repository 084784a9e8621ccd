import type { Removal } from '../api/index.ts'
import type { StoreEntry } from '../content/store/index.ts'
import { type Digest, familiarName, formatReference, type Reference } from '../oci/index.ts'
import { collectGarbage } from './collect-garbage.ts'
import type { Host } from './host.ts'
import type { NamedImage } from './stored-image.ts'

/** Removes what no image and no cached step needs; returns the bytes freed. */
export async function sweep({ store }: Host): Promise<number> {
  return store.alone(() => collectGarbage(store).bytes)
}

/** Removes these names from the image, and the image with its last name. */
export async function takeNames(host: Host, image: NamedImage, names: readonly Reference[]): Promise<Removal[]> {
  const gone = new Set(names.map(formatReference))
  let last = false
  await host.store.change((entries) => {
    const kept = entries.filter(
      (entry) => entry.manifest.digest !== image.root.digest || !goes(entry, gone, names.length === 0),
    )
    last = !kept.some((entry) => entry.manifest.digest === image.root.digest)
    return kept
  })
  const untagged = names.map((name) => ({ untagged: familiarName(name) }))
  return last ? [...untagged, { deleted: image.id as Digest }] : untagged
}

function goes(entry: StoreEntry, gone: ReadonlySet<string>, all: boolean): boolean {
  return all || entry.name === undefined || gone.has(formatReference(entry.name))
}
