import { existsSync } from 'node:fs'
import { posix, resolve } from 'node:path'
import type { RunMount, RunOptions } from '../../api/index.ts'
import { TareError } from '../../support/index.ts'
import type { SandboxMount } from '../sandbox/index.ts'

/** What `run` mounts. Throws `OPTION_INVALID` and `MOUNT_SOURCE_MISSING`. */
export function mountsOf({ mounts = [] }: RunOptions): SandboxMount[] {
  const all = mounts.map(readMount)
  const targets = new Set<string>()
  for (const { target } of all) {
    if (targets.has(target)) throw invalid('mounts', `two have the target ${target}`, 'Give each its own target.')
    targets.add(target)
  }
  return all
}

function readMount(mount: RunMount): SandboxMount {
  const target = posix.normalize(mount.target).replace(/(?<=.)\/$/, '')
  if (!target.startsWith('/'))
    throw invalid('mount target', mount.target, 'It must be an absolute path in the image, such as /data.')
  if (target === '/') throw invalid('mount target', mount.target, 'Nothing can be mounted over the whole image.')
  if (mount.type === 'tmpfs') return { kind: 'memory', target, size: mount.size }
  if (mount.type !== 'bind')
    throw invalid('mount type', String((mount as { type: unknown }).type), 'Use bind or tmpfs.')
  const path = resolve(mount.source)
  if (!existsSync(path))
    throw new TareError('MOUNT_SOURCE_MISSING', `cannot mount ${mount.source} at ${target}: ${path} does not exist`, {
      remedy: 'Create it first; a relative path is relative to the working directory.',
    })
  return { kind: 'host', target, path, readonly: mount.readonly === true }
}

function invalid(what: string, text: string, remedy: string): TareError {
  return new TareError('OPTION_INVALID', `invalid ${what} ${JSON.stringify(text)}`, { remedy })
}
