import { join } from 'node:path'
import type { Host } from '../../images/index.ts'
import { Kept } from '../sandbox/index.ts'

/** What RUN keeps in the store: cache mounts and unpacked layers. */
export function keptOf({ store }: Host): Kept {
  return new Kept(join(store.home, 'tare'))
}
