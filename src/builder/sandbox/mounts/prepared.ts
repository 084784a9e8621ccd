import { chmodSync, chownSync, statSync, utimesSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { makeFolderOfMode } from '../../../disk/index.ts'
import type { Directory, Node } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import { type Machine, overlayOptions } from '../machine/index.ts'
import { makeFile, type Unpacked } from '../rootfs/index.ts'
import type { Command, SandboxMount, Stack } from '../step/index.ts'
import type { Caches, HeldCache } from './caches.ts'
import { hostsFile, makeDevFolder, resolvFile } from './host-files.ts'
import { flagsOfSteps, flagsToKeep } from './mount-flags.ts'
import { openRelay, type Relay } from './relay.ts'
import { type SharedFiles, unpackFiles } from './shared-files.ts'
import { Stubs } from './stubs.ts'
import { inOrder, Targets } from './targets.ts'

/** A mount below the step's root, with everything it needs on disk. */
export interface PreparedMount {
  readonly source: string
  /** Path below the root, without a leading `/`. */
  readonly place: string
  /** Whether it is inside another mount, so that no symlink may be followed on the way. */
  readonly nested: boolean
  /** `bind`, or a filesystem type. */
  readonly type: string
  readonly options: readonly string[]
  readonly directory: boolean
}

export interface PreparedSecret {
  readonly bytes: Uint8Array
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/**
 * Something that must be mounted first, outside the root: an overlay of other files, whose options are relative to the folder of
 * layers.
 */
export interface Beforehand {
  readonly at: string
  readonly overlay: string
}

/** Everything a step's mounts need, created in `folder`. */
export interface Prepared {
  readonly stubs: Stubs
  readonly beforehand: readonly Beforehand[]
  /** The machine's own files. */
  readonly system: readonly PreparedMount[]
  /** The step's mounts, in mount order. */
  readonly mounts: readonly PreparedMount[]
  /** Contents of the files `0`, `1`, … in the folder of secrets. */
  readonly secrets: readonly PreparedSecret[]
  /** What must first be given to another owner. */
  readonly owned: readonly { readonly path: string; readonly uid: number; readonly gid: number }[]
  /** The folder to bind to /dev at `place`, its devices, and flags the bind must keep. */
  readonly dev: {
    readonly path: string
    readonly place: string
    readonly devices: readonly string[]
    readonly flags: readonly string[]
  }
  /** Releases caches and closes sockets. */
  release(): void
}

export interface PrepareOptions {
  readonly caches: Caches
  readonly files: SharedFiles
  readonly signal: AbortSignal
  readonly folder: string
  /** Where secrets will be, in memory. */
  readonly secretsFolder: string
  readonly machine: Machine
  readonly unpacked: Unpacked
  /** Whether overlays are impossible in the store, so that whatever takes changes is a copy. */
  readonly copies: boolean
}

export async function prepare(on: Stack, command: Command, options: PrepareOptions): Promise<Prepared> {
  return new Preparing(on, command, options).done()
}

/** Returns a mount's options besides source and type: above all, those that keep device nodes from being opened. */
function flagsFor({ insecure }: Command): string[] {
  return insecure ? [] : ['nodev']
}

type FilesMount = Extract<SandboxMount, { readonly kind: 'files' }>

class Preparing {
  private readonly command: Command
  private readonly options: PrepareOptions
  private readonly stubs: Stubs
  private readonly targets: Targets
  private readonly devPlace: string
  private readonly beforehand: Beforehand[] = []
  private readonly system: PreparedMount[] = []
  private readonly mounts: PreparedMount[] = []
  private readonly secrets: PreparedSecret[] = []
  private readonly owned: { path: string; uid: number; gid: number }[] = []
  private readonly caches: HeldCache[] = []
  private readonly relays: Relay[] = []

  constructor(on: Stack, command: Command, options: PrepareOptions) {
    this.command = command
    this.options = options
    this.stubs = new Stubs(on.tree(), Math.floor(Date.now() / 1000))
    const made = this.stubs.missingSystem()
    for (const name of ['proc', 'sys'])
      if (!made.includes(name) && this.stubs.place(name, 'directory') !== name)
        throw new TareError('SANDBOX_UNABLE', `/${name} is a symbolic link here, and RUN needs a directory`, {
          remedy: 'Container runtimes reject such an image too.',
        })
    this.devPlace = made.includes('dev') ? 'dev' : this.stubs.place('dev', 'directory')
    this.targets = new Targets(this.stubs, this.devPlace)
  }

  async done(): Promise<Prepared> {
    const { folder } = this.options
    const { stubs, command } = this
    const dev = {
      path: join(folder, 'dev'),
      place: this.devPlace,
      devices: makeDevFolder(join(folder, 'dev')),
      flags: this.keep(join(folder, 'dev')),
    }
    for (const { name, bytes } of command.scripts) makeFile(join(dev.path, 'pipes', name), bytes, 0o755)
    this.file('etc/resolv.conf', resolvFile())
    this.file('etc/hosts', hostsFile(command))
    try {
      for (const [i, mount] of inOrder(command.mounts).entries()) await this.add(mount, i)
    } catch (error) {
      this.release()
      throw error
    }
    const { beforehand, system, mounts, secrets, owned } = this
    return { stubs, beforehand, system, mounts, secrets, owned, dev, release: () => this.release() }
  }

  private release(): void {
    for (const cache of this.caches.splice(0)) cache.release()
    for (const relay of this.relays.splice(0)) relay.close()
  }

  private file(target: string, text: string): void {
    const source = join(this.options.folder, target.replaceAll('/', '-'))
    makeFile(source, text, 0o644)
    try {
      const place = this.stubs.place(target, 'file')
      this.system.push({ ...this.bind(source, true), place, nested: false, directory: false })
    } catch {
      // The path is something other than a file, such as a directory: the image wants it so.
    }
  }

  private async add(mount: SandboxMount, i: number): Promise<void> {
    const { caches, signal, folder, secretsFolder } = this.options
    switch (mount.kind) {
      case 'secret': {
        const { bytes, mode, uid, gid, target } = mount
        const source = join(secretsFolder, String(this.secrets.length))
        this.secrets.push({ bytes, mode, uid, gid })
        // The folder keeps its own flags.
        this.mounts.push({ source, type: 'bind', options: [], ...this.targets.add(target, 'file'), directory: false })
        return
      }
      case 'memory': {
        const size = mount.size === undefined || mount.size === 0 ? [] : [`size=${mount.size}`]
        const options = ['nosuid', 'nodev', ...size]
        const place = this.targets.add(mount.target, 'directory')
        this.mounts.push({ source: 'tmpfs', type: 'tmpfs', options, ...place, directory: true })
        return
      }
      case 'cache': {
        const held = await caches.take(mount, signal)
        this.caches.push(held)
        return this.mount(held.path, mount.target, mount.readonly, true)
      }
      case 'host': {
        const { path, target, readonly } = mount
        return this.mount(path, target, readonly, statSync(path).isDirectory())
      }
      case 'socket': {
        const { path, target, mode, uid, gid } = mount
        const relay = await openRelay(folder, `socket-${i}`, path, mode)
        this.relays.push(relay)
        if (uid + gid > 0) this.owned.push({ path: relay.path, uid, gid })
        return this.mount(relay.path, target, false, false)
      }
      case 'files':
        return this.mount(
          await this.filesOnDisk(mount, i),
          mount.target,
          mount.readonly,
          mount.node.kind === 'directory',
        )
      case 'stack': {
        const { stack, path, readonly } = mount
        const tree = stack.tree()
        const place = tree.resolve(path)
        const node = place === '' ? tree.root : tree.get(place)
        if (node === undefined)
          throw new TareError('MOUNT_SOURCE_MISSING', `cannot mount "${path}" at ${mount.target}: it does not exist`)
        if (this.options.copies)
          return this.mount(await this.copyOf(node, i), mount.target, readonly, node.kind === 'directory')
        const root = await this.stackOnDisk(stack, readonly, i)
        return this.mount(join(root, place), mount.target, readonly, node.kind === 'directory')
      }
    }
  }

  private keep(path: string): readonly string[] {
    // Overlays do not have them, wherever they are mounted.
    if (this.beforehand.some(({ at }) => path === at || path.startsWith(`${at}/`))) return []
    const steps = dirname(this.options.folder)
    return path.startsWith(`${steps}/`) ? flagsOfSteps(steps) : flagsToKeep(path)
  }

  private mount(source: string, target: string, readonly: boolean, directory: boolean): void {
    const place = this.targets.add(target, directory ? 'directory' : 'file')
    this.mounts.push({ ...this.bind(source, readonly), ...place, directory })
  }

  private bind(source: string, readonly: boolean): Pick<PreparedMount, 'source' | 'type' | 'options'> {
    const flags = [...flagsFor(this.command), ...(readonly ? ['ro'] : [])]
    const options = flags.length === 0 ? [] : [...new Set([...flags, ...this.keep(source)])]
    return { source, type: 'bind', options }
  }

  /** Whether the command may write to what it is given: with all capabilities, it can make any mount writable. */
  private mayWrite(readonly: boolean): boolean {
    return !readonly || this.command.insecure
  }

  /**
   * A bind mount would inherit restrictions of the store's disk; and a writable mount needs a layer on top to take the changes.
   */
  private needsOverlay(folder: string, readonly: boolean): boolean {
    return !this.options.copies && (this.mayWrite(readonly) || this.keep(folder).includes('noexec'))
  }

  private async stackOnDisk(stack: Stack, readonly: boolean, i: number): Promise<string> {
    const { unpacked } = this.options
    const names = await unpacked.of(stack)
    if (names.length === 1 && !this.needsOverlay(unpacked.folder, readonly)) return join(unpacked.folder, names[0]!)
    return this.overlay(names, stack.tree().root, i)
  }

  private async filesOnDisk({ node, identity, readonly }: FilesMount, i: number): Promise<string> {
    const { unpacked, files } = this.options
    const mayWrite = this.mayWrite(readonly)
    if (node.kind !== 'directory') return mayWrite ? this.copyOf(node, i) : files.of(node, identity)
    if (this.options.copies && mayWrite) return this.copyOf(node, i)
    const shared = await files.of(node, identity)
    if (!this.needsOverlay(shared, readonly)) return shared
    return this.overlay([relative(unpacked.folder, shared)], node, i)
  }

  private copyOf(node: Node, i: number): Promise<string> {
    return unpackFiles(node, join(this.options.folder, `files-${i}`), this.options.machine)
  }

  /** Returns a directory that will show those of `names`, lowest first, and take changes without passing them on. */
  private overlay(names: readonly string[], { mode, uid, gid, mtime }: Directory, i: number): string {
    const { folder, machine, unpacked } = this.options
    const at = join(folder, `mount-${i}`)
    makeFolderOfMode(at, 0o755)
    const [upper, work] = [`${at}-upper`, `${at}-work`]
    makeFolderOfMode(work, 0o700)
    makeFolderOfMode(upper, 0o700)
    // An overlay's root takes its metadata from the upper directory.
    const time = Number.isNaN(mtime) ? Date.now() / 1000 : mtime
    utimesSync(upper, time, time)
    if (uid + gid > 0 && machine.root) chownSync(upper, uid, gid)
    else if (uid + gid > 0) this.owned.push({ path: upper, uid, gid })
    chmodSync(upper, mode)
    const here = (path: string) => relative(unpacked.folder, path)
    const lower = names.length === 0 ? [here(join(folder, 'empty'))] : names
    const overlay = overlayOptions(lower, { upper: here(upper), work: here(work), machine })
    if (overlay === undefined) throw new TareError('SANDBOX_FAILED', 'the mounted image has too many layers')
    this.beforehand.push({ at, overlay: [...flagsFor(this.command), overlay].join(',') })
    return at
  }
}
