import { posix } from 'node:path'
import { TareError } from '../../../support/index.ts'
import type { SandboxMount } from '../step/index.ts'
import type { Stubs } from './stubs.ts'

export interface MountTarget {
  /** Path below the root, without a leading `/`. */
  readonly place: string
  /** Whether it is inside another mount, whose contents, including symlinks, are unknown before it is mounted. */
  readonly nested: boolean
}

/**
 * Resolves mount targets: in the filesystem, whose symlinks are followed here, or in other mounts, whose symlinks are never
 * followed.
 */
export class Targets {
  private readonly stubs: Stubs
  private readonly holders: { readonly target: string; readonly place: string }[]

  constructor(stubs: Stubs, dev: string) {
    this.stubs = stubs
    this.holders = ['sys', dev].map((place) => ({ target: `/${place}`, place }))
  }

  /** Must be called in mount order: nested mounts after their parents. Throws `MOUNT_TARGET_INVALID`. */
  add(target: string, kind: 'directory' | 'file'): MountTarget {
    const path = posix.resolve('/', target)
    const found = this.find(path)
    if (found.place === 'proc' || found.place.startsWith('proc/'))
      throw new TareError('MOUNT_TARGET_INVALID', `cannot mount at ${target}: it is in /proc`, {
        remedy: 'Mount it at another target.',
      })
    if (!found.nested) this.stubs.place(path, kind)
    if (kind === 'directory') this.holders.push({ target: path, place: found.place })
    return found
  }

  /** Whether a mount at the target, which has not been added yet, holds others. */
  holdsOneOf(target: string, others: readonly SandboxMount[]): boolean {
    const { place } = this.find(posix.resolve('/', target))
    return others.some((other) => within(place, this.find(posix.resolve('/', other.target)).place))
  }

  private find(path: string): MountTarget {
    const holder = this.holders.findLast(({ target }) => within(target, path))
    if (holder !== undefined) return { place: holder.place + path.slice(holder.target.length), nested: true }
    const place = this.stubs.resolve(path)
    return { place, nested: this.holders.some((one) => within(one.place, place)) }
  }
}

function within(outer: string, inner: string): boolean {
  return inner.startsWith(`${outer}/`)
}

/** Sorts mounts so that nested ones follow their parents. */
export function inOrder(mounts: readonly SandboxMount[]): readonly SandboxMount[] {
  return [...mounts].sort((a, b) => depth(a.target) - depth(b.target))
}

function depth(path: string): number {
  return path.split('/').filter(Boolean).length
}
