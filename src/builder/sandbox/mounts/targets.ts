import { posix } from 'node:path'
import type { Node } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import type { SandboxMount } from '../step/index.ts'
import { type ShownFiles, shownIn } from './shown-files.ts'
import type { Stubs } from './stubs.ts'

export interface MountTarget {
  /** Path below the root, without a leading `/`. */
  readonly place: string
  /** Whether it is inside another mount, whose contents, including symlinks, are unknown before it is mounted. */
  readonly nested: boolean
}

/** A mount that others may be inside of. */
interface Holder {
  readonly target: string
  readonly place: string
  /** What it has; undefined if that is unknown. */
  readonly shown?: ShownFiles | undefined
  readonly readonly: boolean
}

export interface WorkingDirectory {
  /** Path below the root, without a leading `/`. */
  readonly place: string
  /** Whether it has to be created: in the filesystem before the mounts, or in one of them once they are there. */
  readonly missing: 'below' | 'inside' | undefined
}

/**
 * Resolves mount targets: in the filesystem, whose symlinks are followed here, or in other mounts, whose symlinks are never
 * followed.
 */
export class Targets {
  private readonly stubs: Stubs
  private readonly holders: Holder[]

  constructor(stubs: Stubs, dev: string) {
    this.stubs = stubs
    this.holders = ['sys', dev].map((place) => ({ target: `/${place}`, place, readonly: false }))
  }

  /**
   * Must be called in mount order: nested mounts after their parents. `shown`: what a directory has. Throws
   * `MOUNT_TARGET_INVALID`, also if the target is missing in a read-only one, as for the runtimes of Docker.
   */
  add(target: string, kind: 'directory' | 'file', shown?: ShownFiles, readonly = false): MountTarget {
    const path = posix.resolve('/', target)
    const { place, holder } = this.find(path)
    const found = { place, nested: holder !== undefined }
    this.refuseMissing(path, `cannot mount at ${target}`)
    if (found.place === 'proc' || found.place.startsWith('proc/'))
      throw new TareError('MOUNT_TARGET_INVALID', `cannot mount at ${target}: it is in /proc`, {
        remedy: 'Mount it at another target.',
      })
    if (!found.nested) this.stubs.place(path, kind)
    if (kind === 'directory') this.holders.push({ target: path, place: found.place, shown, readonly })
    return found
  }

  /**
   * To be called after all mounts. A missing working directory is created, as by the runtimes of Docker. Throws `WORKDIR_INVALID`
   * if something else is there, and `MOUNT_TARGET_INVALID` if it is missing in what is mounted read-only.
   */
  directory(cwd: string): WorkingDirectory {
    const path = posix.resolve('/', cwd)
    this.refuseMissing(path, `cannot start in ${cwd}`)
    const { place, holder } = this.find(path)
    if (holder !== undefined) return { place, missing: has(holder, place) === false ? 'inside' : undefined }
    const there = this.stubs.find(place)
    if (there !== undefined && there.kind !== 'directory')
      throw new TareError('WORKDIR_INVALID', `the working directory ${cwd} is not a directory`)
    return { place, missing: there === undefined ? 'below' : undefined }
  }

  /**
   * Whether what is about to be mounted read-only can stay so: a directory that lacks the target of another mount takes changes for
   * the step instead. Runtimes refuse that; but nothing is lost by it.
   */
  staysReadonly(
    { readonly, target }: { readonly readonly: boolean; readonly target: string },
    node: Node,
    others: readonly SandboxMount[],
  ): boolean {
    const shown = shownIn(node)
    return readonly && (shown === undefined || !this.lacksOneOf(others, target, shown))
  }

  private lacksOneOf(others: readonly SandboxMount[], target: string, shown: ShownFiles): boolean {
    const outer = posix.resolve('/', target)
    const { place } = this.find(outer)
    const paths = others.map((other) => posix.resolve('/', other.target)).filter((path) => path !== outer)
    const places = paths.map((path) => (within(outer, path) ? place + path.slice(outer.length) : this.find(path).place))
    const inside = places.filter((one) => within(place, one))
    const own = inside.filter((one) => !inside.some((between) => within(between, one)))
    return own.some((one) => shown.has(one.slice(place.length + 1)) === false)
  }

  private refuseMissing(path: string, what: string): void {
    const { place, holder } = this.find(path)
    if (holder?.readonly !== true || has(holder, place) !== false) return
    throw new TareError(
      'MOUNT_TARGET_INVALID',
      `${what}: it does not exist, and ${holder.target} is mounted read-only`,
      {
        remedy: `Create it in what is mounted at ${holder.target}, or make that mount writable.`,
      },
    )
  }

  private find(path: string): { readonly place: string; readonly holder: Holder | undefined } {
    const holder = this.holders.findLast(({ target }) => within(target, path))
    if (holder !== undefined) return { place: holder.place + path.slice(holder.target.length), holder }
    const place = this.stubs.resolve(path)
    return { place, holder: this.holders.findLast((one) => within(one.place, place)) }
  }
}

/** Whether the mount has the place, which is inside it; undefined if that is unknown. */
function has({ shown, place: outer }: Holder, place: string): boolean | undefined {
  return shown?.has(place.slice(outer.length + 1))
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
