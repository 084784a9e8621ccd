import type { Host } from '../../images/index.ts'
import { entryMeant, findImage, pulledAsOfEntry } from '../../images/index.ts'
import { parseReference } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

/** Gives an image another name. */
export async function tag(host: Host, source: string, target: string): Promise<void> {
  const name = parseReference(target)
  if (name.digest !== undefined)
    throw new TareError('REFERENCE_INVALID', `refusing to create a tag with a digest reference: "${target}"`)
  const { store } = host
  const found = () => {
    const entry = entryMeant(findImage(store, source, host.platform).entries, source)
    return { ...entry, pulledAs: entry.pulledAs ?? pulledAsOfEntry(store, entry) }
  }
  await store.keep(found, [name], host.now())
}
