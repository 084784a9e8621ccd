import type { Host } from '../../images/index.ts'
import { familiarName } from '../../oci/index.ts'

/** Lists the names of the store's images, sorted. */
export async function imageNames({ store }: Host): Promise<readonly string[]> {
  return store
    .entries()
    .flatMap(({ name }) => (name === undefined ? [] : familiarName(name)))
    .sort()
}
