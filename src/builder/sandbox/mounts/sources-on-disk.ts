import { chmodSync, chownSync, lstatSync, utimesSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { makeFolderOfMode } from '../../../disk/index.ts'
import type { Directory, Node } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import { type Machine, overlayOptions } from '../machine/index.ts'
import type { Unpacked } from '../rootfs/index.ts'
import type { Command, SandboxMount, Stack } from '../step/index.ts'
import type { DirectFolder } from './direct-folders.ts'
import { flagsOfSteps, flagsToKeep } from './mount-flags.ts'
import { type FilesOnDisk, type SharedFiles, unpackFiles } from './shared-files.ts'

/**
 * Something that must be mounted first, outside the root: an overlay of other files, whose options are relative to the folder of
 * layers, or a folder of the machine itself.
 */
export type Beforehand = { readonly at: string } & (
  | { readonly overlay: string }
  | { readonly direct: DirectFolder; readonly overlay?: never }
)

export interface SourceOptions {
  readonly files: SharedFiles
  /** The step's own. */
  readonly folder: string
  readonly machine: Machine
  readonly unpacked: Unpacked
  /** Whether overlays are impossible in the store, so that whatever takes changes is a copy. */
  readonly copies: boolean
}

type FilesMount = Extract<SandboxMount, { readonly kind: 'files' }>

/** Puts what a step's bind mounts show where it can be mounted from. */
export class SourcesOnDisk {
  readonly beforehand: Beforehand[] = []
  /** What must first be given to another owner. */
  readonly owned: { path: string; uid: number; gid: number }[] = []
  private readonly command: Command
  private readonly options: SourceOptions
  private readonly shown: ((until: number) => boolean | Promise<boolean>)[] = []

  constructor(command: Command, options: SourceOptions) {
    this.command = command
    this.options = options
  }

  /** Looks whether all files of contexts were what had been read, until then: in milliseconds of `performance`. */
  async wereAsRead(until: number): Promise<boolean> {
    for (const wasAsRead of this.shown) if (!(await wasAsRead(until))) return false
    return true
  }

  /** Returns the options of a bind mount of the path. */
  bindOptions(source: string, readonly: boolean): string[] {
    if (this.beforehand.some(({ at, overlay }) => at === source && overlay === undefined))
      return ['nodev', 'nosuid', 'ro']
    const flags = [...flagsFor(this.command), ...(readonly ? ['ro'] : [])]
    return flags.length === 0 ? [] : [...new Set([...flags, ...this.keep(source)])]
  }

  keep(path: string): readonly string[] {
    // Overlays do not have them, wherever they are mounted.
    if (this.beforehand.some(({ at }) => path === at || path.startsWith(`${at}/`))) return []
    const steps = dirname(this.options.folder)
    return path.startsWith(`${steps}/`) ? flagsOfSteps(steps) : flagsToKeep(path)
  }

  async stack(stack: Stack, readonly: boolean, i: number): Promise<string> {
    const { unpacked } = this.options
    const names = await unpacked.of(stack)
    if (names.length === 1 && !this.needsOverlay(unpacked.folder, readonly)) return join(unpacked.folder, names[0]!)
    return this.overlay(names, stack.tree().root, i)
  }

  async files({ node, identity, readonly }: FilesMount, i: number): Promise<string> {
    const { unpacked, copies, files } = this.options
    const mayWrite = this.mayWrite(readonly)
    const shared = () => this.show(files.of(node, identity))
    if (node.kind !== 'directory') return mayWrite ? this.copyOf(node, i) : shared()
    const direct = await this.direct(node, readonly)
    if (direct !== undefined) return this.mountedDirect(direct, node, { mayWrite, i })
    if (copies && mayWrite) return this.copyOf(node, i)
    const path = await shared()
    if (!this.needsOverlay(path, readonly)) return path
    return this.overlay([relative(unpacked.folder, path)], node, i)
  }

  copyOf(node: Node, i: number): Promise<string> {
    const { folder, machine } = this.options
    return this.show(unpackFiles(node, join(folder, `files-${i}`), machine))
  }

  private async show(files: Promise<FilesOnDisk>): Promise<string> {
    const { path, isAsRead } = await files
    this.shown.push(() => isAsRead)
    return path
  }

  /** Returns the folder that can be shown itself; undefined if there is none, or if it would not be what a copy is. */
  private async direct(node: Directory, readonly: boolean): Promise<DirectFolder | undefined> {
    // With all capabilities a mount can be made writable.
    if (this.command.insecure) return undefined
    const { files, copies, folder } = this.options
    const direct = await files.direct(node)
    if (direct === undefined || this.isShownAsItIs(direct, readonly)) return direct
    // In an overlay of two disks, files and directories seem to be on different ones.
    return copies || lstatSync(folder).dev !== direct.dev ? undefined : direct
  }

  private isShownAsItIs({ isAlikeItself, isNoexec }: DirectFolder, readonly: boolean): boolean {
    return readonly && isAlikeItself && !isNoexec
  }

  private mountedDirect(
    direct: DirectFolder,
    node: Directory,
    { mayWrite, i }: { readonly mayWrite: boolean; readonly i: number },
  ): string {
    const { folder, unpacked } = this.options
    const at = join(folder, `direct-${i}`)
    makeFolderOfMode(at, 0o755)
    this.beforehand.push({ at, direct })
    this.shown.push((until) => direct.wasAsRead(until))
    return this.isShownAsItIs(direct, !mayWrite) ? at : this.overlay([relative(unpacked.folder, at)], node, i)
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

/** Returns a mount's options besides source and type: above all, those that keep device nodes from being opened. */
function flagsFor({ insecure }: Command): string[] {
  return insecure ? [] : ['nodev']
}
