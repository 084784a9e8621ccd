import type { Removal, RemoveOptions } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { findImage, type NamedImage, sweep, takeNames } from '../../images/index.ts'
import { familiarName, formatReference, parseReference, type Reference } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

/** Removes names, and images with their last name, including blobs that nothing else needs. */
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
  // What was removed is attached to the first error.
  throw Object.assign(failures[0]!, { removals, others: failures.slice(1) })
}

async function removeOne(host: Host, text: string, force: boolean): Promise<Removal[]> {
  const image = findImage(host.store, text, host.platform)
  const name = nameMeant(image, text)
  if (name !== undefined && image.names.length > 1) return takeNames(host, image, [name])
  if (name === undefined && image.names.length > 1 && !force) {
    throw new TareError(
      'IMAGE_IN_USE',
      `conflict: unable to delete ${text} (must be forced) - image is referenced in multiple repositories or tags`,
      {
        remedy: `Remove its names (${image.names.map(familiarName).join(', ')}), or use -f.`,
      },
    )
  }
  return takeNames(host, image, image.names)
}

/** Returns the name if the text is one rather than an ID. */
function nameMeant(image: NamedImage, text: string): Reference | undefined {
  try {
    const wanted = formatReference(parseReference(text))
    return image.names.find((name) => formatReference(name) === wanted)
  } catch {
    return undefined
  }
}
