import type { Removal, RemoveOptions } from '../api/index.ts'
import type { Entry } from '../content/store/index.ts'
import { type Digest, familiarName, formatReference, parseReference, type Reference } from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import { collectGarbage } from './collect-garbage.ts'
import type { Host } from './host.ts'
import { findImage, type NamedImage } from './stored-image.ts'

/** Takes names away, and images with their last name; blobs that nothing needs any more go with them. */
export async function remove(host: Host, { names, force = false }: RemoveOptions): Promise<readonly Removal[]> {
  const removals: Removal[] = []
  const failures: TareError[] = []
  for (const name of names) {
    try {
      removals.push(...(await removeOne(host, name, force)))
    } catch (error) {
      if (!(error instanceof TareError)) throw error
      if (!force || error.code !== 'IMAGE_UNKNOWN') failures.push(error)
    }
  }
  await sweep(host)
  if (failures.length === 0) return removals
  // What was removed is told with the first of the errors.
  throw Object.assign(failures[0]!, { removals, others: failures.slice(1) })
}

/** Removes what no image and no remembered step needs; answers the bytes. */
export async function sweep({ store }: Host): Promise<number> {
  return store.alone(() => collectGarbage(store).bytes)
}

async function removeOne(host: Host, text: string, force: boolean): Promise<Removal[]> {
  const image = findImage(host.store, text, host.platform)
  const name = nameMeant(image, text)
  if (name !== undefined && image.names.length > 1) return take(host, image, [name])
  if (name === undefined && image.names.length > 1 && !force) {
    throw new TareError(
      'IMAGE_IN_USE',
      `conflict: unable to delete ${text} (must be forced) - image is referenced in multiple repositories or tags`,
      {
        remedy: `Remove its names (${image.names.map(familiarName).join(', ')}), or use -f.`,
      },
    )
  }
  return take(host, image, image.names)
}

/** The name that the text is, rather than an ID. */
function nameMeant(image: NamedImage, text: string): Reference | undefined {
  try {
    const wanted = formatReference(parseReference(text))
    return image.names.find((name) => formatReference(name) === wanted)
  } catch {
    return undefined
  }
}

/** Takes these names from the image; with its last one the image goes. */
export async function take(host: Host, image: NamedImage, names: readonly Reference[]): Promise<Removal[]> {
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

function goes(entry: Entry, gone: ReadonlySet<string>, all: boolean): boolean {
  return all || entry.name === undefined || gone.has(formatReference(entry.name))
}
