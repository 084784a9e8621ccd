import { rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { read } from './process-facts.ts'

const mounted = '/sys/fs/cgroup'

/** Removes the cgroups that an OCI runtime made for a container next to our own and, having been killed, could not remove. */
export function removeCgroups(container: string): void {
  for (const [, controllers, path] of read('/proc/self/cgroup').matchAll(/^\d+:(.*?):\/(.*)$/gm))
    for (const place of controllers === '' ? ['', 'unified'] : [controllers!.replace(/^name=/, '')])
      try {
        rmdirSync(join(mounted, place, path!, container))
      } catch {
        // There is none, or it is not ours.
      }
}
