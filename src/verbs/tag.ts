import { parseReference } from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import type { Host } from './host.ts'
import { findImage } from './stored-image.ts'

/** Gives an image one more name. */
export async function tag(host: Host, source: string, target: string): Promise<void> {
  const name = parseReference(target)
  if (name.digest !== undefined)
    throw new TareError('REFERENCE_INVALID', `refusing to create a tag with a digest reference: "${target}"`)
  await host.store.keep(() => findImage(host.store, source, host.platform).root, [name], host.now())
}
