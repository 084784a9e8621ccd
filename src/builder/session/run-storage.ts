import type { Host } from '../../images/index.ts'
import { RunStorage } from '../sandbox/index.ts'

/** Opens what RUN keeps in the store: cache mounts and unpacked layers. */
export function runStorage({ store }: Host, signal?: AbortSignal): RunStorage {
  return new RunStorage(store.own, signal)
}
