import { join } from 'node:path'
import { Kept } from '../builder/sandbox/index.ts'
import type { Host } from './host.ts'

/** What RUN keeps in the store: cache mounts and unpacked layers. */
export function keptOf({ store }: Host): Kept {
  return new Kept(join(store.home, 'tare'))
}
