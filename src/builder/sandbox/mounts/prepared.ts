import { statSync } from 'node:fs'
import { join } from 'node:path'
import { TareError } from '../../../support/index.ts'
import { makeFile } from '../rootfs/index.ts'
import type { Command, SandboxMount, Stack } from '../step/index.ts'
import type { Caches, HeldCache } from './caches.ts'
import { hostsFile, makeDevFolder, resolvFile } from './host-files.ts'
import { openRelay, type Relay } from './relay.ts'
import { type ShownFiles, shownEmpty, shownIn, shownOnDisk } from './shown-files.ts'
import { type Beforehand, type SourceOptions, SourcesOnDisk } from './sources-on-disk.ts'
import { Stubs } from './stubs.ts'
import { inOrder, Targets, type WorkingDirectory } from './targets.ts'

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
  readonly cwd: WorkingDirectory
  /** Looks whether all files of contexts were what had been read, until then: in milliseconds of `performance`. */
  wereAsRead(until: number): Promise<boolean>
  /** Releases caches and closes sockets. */
  release(): void
}

export interface PrepareOptions extends SourceOptions {
  readonly caches: Caches
  readonly signal: AbortSignal
  /** Where secrets will be, in memory. */
  readonly secretsFolder: string
}

export async function prepare(on: Stack, command: Command, options: PrepareOptions): Promise<Prepared> {
  return new Preparing(on, command, options).done()
}

class Preparing {
  private readonly command: Command
  private readonly options: PrepareOptions
  private readonly stubs: Stubs
  private readonly targets: Targets
  private readonly devPlace: string
  private readonly sources: SourcesOnDisk
  private readonly system: PreparedMount[] = []
  private readonly mounts: PreparedMount[] = []
  private readonly secrets: PreparedSecret[] = []
  private readonly caches: HeldCache[] = []
  private readonly relays: Relay[] = []

  constructor(on: Stack, command: Command, options: PrepareOptions) {
    this.command = command
    this.options = options
    this.sources = new SourcesOnDisk(command, options)
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
    const { stubs, command, sources } = this
    const dev = {
      path: join(folder, 'dev'),
      place: this.devPlace,
      devices: makeDevFolder(join(folder, 'dev')),
      flags: sources.keep(join(folder, 'dev')),
    }
    for (const { name, bytes } of command.scripts) makeFile(join(dev.path, 'pipes', name), bytes, 0o755)
    this.file('etc/resolv.conf', resolvFile())
    this.file('etc/hosts', hostsFile(command))
    let cwd: WorkingDirectory
    try {
      for (const [i, mount] of inOrder(command.mounts).entries()) await this.add(mount, i)
      cwd = this.targets.directory(command.cwd)
    } catch (error) {
      this.release()
      throw error
    }
    const { system, mounts, secrets } = this
    const { beforehand, owned } = sources
    const wereAsRead = (until: number) => sources.wereAsRead(until)
    return { stubs, beforehand, system, mounts, secrets, owned, dev, cwd, wereAsRead, release: () => this.release() }
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
        const place = this.targets.add(mount.target, 'directory', shownEmpty)
        this.mounts.push({ source: 'tmpfs', type: 'tmpfs', options, ...place, directory: true })
        return
      }
      case 'cache': {
        const held = await caches.take(mount, signal)
        this.caches.push(held)
        return this.mount(held.path, mount.target, mount.readonly, shownOnDisk(held.path))
      }
      case 'host': {
        const { path, target, readonly } = mount
        return this.mount(path, target, readonly, statSync(path).isDirectory() ? shownOnDisk(path) : undefined)
      }
      case 'socket': {
        const { path, target, mode, uid, gid } = mount
        const relay = await openRelay(folder, `socket-${i}`, path, mode)
        this.relays.push(relay)
        if (uid + gid > 0) this.sources.owned.push({ path: relay.path, uid, gid })
        return this.mount(relay.path, target, false)
      }
      case 'files': {
        const readonly = this.targets.staysReadonly(mount, mount.node, this.command.mounts)
        const source = await this.sources.files({ ...mount, readonly }, i)
        return this.mount(source, mount.target, readonly, shownIn(mount.node))
      }
      case 'stack': {
        const { stack, path } = mount
        const tree = stack.tree()
        const place = tree.resolve(path)
        const node = place === '' ? tree.root : tree.get(place)
        if (node === undefined)
          throw new TareError('MOUNT_SOURCE_MISSING', `cannot mount "${path}" at ${mount.target}: it does not exist`)
        const readonly = this.targets.staysReadonly(mount, node, this.command.mounts)
        if (this.options.copies)
          return this.mount(await this.sources.copyOf(node, i), mount.target, readonly, shownIn(node))
        const root = await this.sources.stack(stack, readonly, i)
        return this.mount(join(root, place), mount.target, readonly, shownIn(node))
      }
    }
  }

  /** `shown`: of a directory, what it has. */
  private mount(source: string, target: string, readonly: boolean, shown?: ShownFiles): void {
    const directory = shown !== undefined
    const place = this.targets.add(target, directory ? 'directory' : 'file', shown, readonly)
    this.mounts.push({ ...this.bind(source, readonly), ...place, directory })
  }

  private bind(source: string, readonly: boolean): Pick<PreparedMount, 'source' | 'type' | 'options'> {
    return { source, type: 'bind', options: this.sources.bindOptions(source, readonly) }
  }
}
