import { statSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolderOfMode, writeFileOfMode } from '../../../disk/index.ts'
import { type Node, nameOfKind } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import { overlayOptions } from '../machine/index.ts'
import type { Unpacked } from '../rootfs/index.ts'
import { Extractor } from '../rootfs/index.ts'
import type { Command, SandboxMount, Stack } from '../step/index.ts'
import type { Caches, HeldCache } from './caches.ts'
import { hostsFile, makeDevFolder, resolvFile } from './host-files.ts'
import { openRelay, type Relay } from './relay.ts'
import { Stubs } from './stubs.ts'

/** A mount below the step's root, with everything it needs on disk. */
export interface PreparedMount {
  readonly source: string
  /** Path below the root, without `/` at its beginning. */
  readonly place: string
  /** `bind`, or a filesystem's name. */
  readonly type: string
  readonly options: readonly string[]
  readonly directory: boolean
}

export interface PreparedSecret {
  readonly place: string
  readonly bytes: Uint8Array
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** What has to be mounted before, outside of the root: parts of other filesystems in several layers. */
export interface Beforehand {
  readonly at: string
  readonly overlay: string
}

/** All that a step's mounts need, made on disk in `folder`. */
export interface Prepared {
  readonly stubs: Stubs
  readonly beforehand: readonly Beforehand[]
  /** In the order in which they have to be mounted. */
  readonly mounts: readonly PreparedMount[]
  readonly secrets: readonly PreparedSecret[]
  /** Files that have to be given to others than root first. */
  readonly owned: readonly { readonly path: string; readonly uid: number; readonly gid: number }[]
  /** The folder that is bound to /dev, and the devices that have a place in it. */
  readonly dev: { readonly path: string; readonly devices: readonly string[] }
  /** Gives caches back, and closes sockets. */
  release(): void
}

export interface PrepareOptions {
  readonly caches: Caches
  readonly signal: AbortSignal
  readonly folder: string
  readonly machine: Machine
  readonly unpacked: Unpacked
}

export async function prepare(on: Stack, command: Command, options: PrepareOptions): Promise<Prepared> {
  return new Preparing(on, command, options).done()
}

class Preparing {
  private readonly command: Command
  private readonly options: PrepareOptions
  private readonly stubs: Stubs
  private readonly beforehand: Beforehand[] = []
  private readonly mounts: PreparedMount[] = []
  private readonly secrets: PreparedSecret[] = []
  private readonly owned: { path: string; uid: number; gid: number }[] = []
  private readonly caches: HeldCache[] = []
  private readonly relays: Relay[] = []

  constructor(on: Stack, command: Command, options: PrepareOptions) {
    this.command = command
    this.options = options
    this.stubs = new Stubs(on.tree(), Math.floor(Date.now() / 1000))
  }

  async done(): Promise<Prepared> {
    const { folder } = this.options
    const { stubs, command } = this
    for (const path of ['proc', 'sys', 'dev']) stubs.place(path, 'directory')
    const dev = { path: join(folder, 'dev'), devices: makeDevFolder(join(folder, 'dev')) }
    for (const { name, bytes } of command.scripts) writeFileOfMode(join(dev.path, 'pipes', name), bytes, 0o755)
    this.file('etc/resolv.conf', resolvFile())
    this.file('etc/hosts', hostsFile(command.hosts))
    // A mount below another one comes after it.
    const sorted = [...command.mounts].sort((a, b) => depth(a.target) - depth(b.target))
    try {
      for (const [i, mount] of sorted.entries()) await this.add(mount, i)
    } catch (error) {
      this.release()
      throw error
    }
    return {
      stubs,
      beforehand: this.beforehand,
      mounts: this.mounts,
      secrets: this.secrets,
      owned: this.owned,
      dev,
      release: () => this.release(),
    }
  }

  private release(): void {
    for (const cache of this.caches.splice(0)) cache.release()
    for (const relay of this.relays.splice(0)) relay.close()
  }

  private file(target: string, text: string): void {
    const source = join(this.options.folder, target.replaceAll('/', '-'))
    writeFileOfMode(source, text, 0o644)
    try {
      this.mounts.push({
        source,
        place: this.stubs.place(target, 'file'),
        type: 'bind',
        options: ['ro'],
        directory: false,
      })
    } catch {
      // Something else than a file is there, such as a directory: the image wants it so.
    }
  }

  private async add(mount: SandboxMount, i: number): Promise<void> {
    const { caches, signal } = this.options
    switch (mount.kind) {
      case 'secret': {
        const { bytes, mode, uid, gid, target } = mount
        this.secrets.push({ place: this.stubs.place(target, 'file'), bytes, mode, uid, gid })
        return
      }
      case 'memory': {
        const size = mount.size === undefined || mount.size === 0 ? [] : [`size=${mount.size}`]
        return this.mount('tmpfs', mount.target, 'tmpfs', ['nosuid', 'nodev', ...size], true)
      }
      case 'cache': {
        const held = await caches.take(mount, signal)
        this.caches.push(held)
        return this.mount(held.path, mount.target, 'bind', mount.readonly ? ['ro'] : [], true)
      }
      case 'host': {
        const { path, target, readonly } = mount
        return this.mount(path, target, 'bind', readonly ? ['ro'] : [], statSync(path).isDirectory())
      }
      case 'socket': {
        const { path, target, mode, uid, gid } = mount
        const relay = await openRelay(this.options.folder, `socket-${i}`, path, mode)
        this.relays.push(relay)
        if (uid + gid > 0) this.owned.push({ path: relay.path, uid, gid })
        return this.mount(relay.path, target, 'bind', [], false)
      }
      case 'files': {
        const source = await this.unpackFiles(mount.node, i)
        return this.mount(source, mount.target, 'bind', mount.readonly ? ['ro'] : [], mount.node.kind === 'directory')
      }
      case 'stack': {
        const { stack, path, readonly } = mount
        const tree = stack.tree()
        const place = tree.resolve(path)
        const node = place === '' ? tree.root : tree.get(place)
        if (node === undefined)
          throw new TareError('MOUNT_SOURCE_MISSING', `"${path}" is not there to be mounted at ${mount.target}`)
        const root = await this.stackOnDisk(stack, readonly, i)
        return this.mount(join(root, place), mount.target, 'bind', readonly ? ['ro'] : [], node.kind === 'directory')
      }
    }
  }

  private mount(source: string, target: string, type: string, options: readonly string[], directory: boolean): void {
    this.mounts.push({
      source,
      place: this.stubs.place(target, directory ? 'directory' : 'file'),
      type,
      options,
      directory,
    })
  }

  private async stackOnDisk(stack: Stack, readonly: boolean, i: number): Promise<string> {
    const { folder, unpacked, machine } = this.options
    const names = await unpacked.of(stack)
    if (readonly && names.length === 1) return join(unpacked.folder, names[0]!)
    const at = join(folder, `mount-${i}`)
    makeFolderOfMode(at, 0o755)
    if (names.length === 0) return at
    const [upper, work] = [`${at}-upper`, `${at}-work`]
    for (const path of [upper, work]) makeFolderOfMode(path, 0o755)
    const overlay = overlayOptions(names, { upper, work, machine })
    if (overlay === undefined) throw new TareError('SANDBOX_FAILED', 'the mounted image has too many layers')
    this.beforehand.push({ at, overlay })
    return at
  }

  private async unpackFiles(node: Node, i: number): Promise<string> {
    const { folder, machine } = this.options
    const at = join(folder, `files-${i}`)
    makeFolderOfMode(at, 0o755)
    if (node.kind !== 'directory' && node.kind !== 'file')
      throw new TareError('MOUNT_SOURCE_INVALID', `cannot mount a ${nameOfKind(node)}`)
    return new Extractor(machine).source(node, at)
  }
}

function depth(path: string): number {
  return path.split('/').filter(Boolean).length
}
