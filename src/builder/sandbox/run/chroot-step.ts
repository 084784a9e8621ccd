import { type ChildProcess, spawn } from 'node:child_process'
import { realpathSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolderOfMode, type ProcessFiles } from '../../../disk/index.ts'
import type { Node } from '../../../files/tree/index.ts'
import { messageOf, TareError } from '../../../support/index.ts'
import { ended, guard, hasCapability, killInside, type Machine, plainEnvironment, quoted } from '../machine/index.ts'
import type { Caches, HeldCache } from '../mounts/index.ts'
import {
  deviceNames,
  diskTime,
  hostsFile,
  inOrder,
  makeDirectory,
  openRelay,
  own,
  type ProcCopies,
  type Relay,
  resolvFile,
  type ShownFiles,
  Stubs,
  SwappedPaths,
  shownEmpty,
  shownIn,
  shownOnDisk,
  Targets,
  unpackFiles,
} from '../mounts/index.ts'
import { makeFile, PlainRoot, removeAll } from '../rootfs/index.ts'
import type { Command, Outcome, SandboxMount, Stack, StepOptions } from '../step/index.ts'
import { becomeCommand } from './become.ts'
import { checkCommand, environmentOf, refuseUnable, unable } from './command.ts'
import { sealed } from './descriptors.ts'
import { hear } from './hear.ts'
import { hiddenEnvironment, hiddenLines } from './hidden-env.ts'
import { resolveIdentity } from './identity.ts'
import type { OutputPipes, PipeStock } from './output-pipes.ts'
import { putStreams } from './stream-names.ts'
import { underFilter } from './system-calls.ts'

export interface ChrootTools {
  readonly machine: Machine
  readonly work: ProcessFiles
  readonly caches: Caches
  readonly pipes: PipeStock
  readonly proc: ProcCopies
  /** Where filesystems are kept for the next step. */
  readonly trees: string
}

const capSetPcap = 8n

/** Runs a command in a folder with the complete filesystem: for machines that allow no mounts. */
export async function runInFolder(
  on: Stack,
  command: Command,
  options: StepOptions,
  tools: ChrootTools,
): Promise<Outcome> {
  const step = new ChrootStep(on, command, options, tools)
  try {
    return await step.run()
  } catch (error) {
    await step.release()
    throw error
  }
}

class ChrootStep {
  private readonly on: Stack
  private readonly command: Command
  private readonly options: StepOptions
  private readonly tools: ChrootTools
  private readonly folder: string
  private readonly life: number
  private readonly root: string
  private readonly filesystem: PlainRoot
  private readonly places: SwappedPaths
  private readonly held: HeldCache[] = []
  private readonly relays: Relay[] = []
  private pipes: Promise<OutputPipes> | undefined
  private readonly system = new Set(['proc', 'sys', 'dev'])
  /** When the command was about to start. */
  private since: bigint | undefined
  private areFilesAsRead = true

  constructor(on: Stack, command: Command, options: StepOptions, tools: ChrootTools) {
    this.on = on
    this.command = command
    this.options = options
    this.tools = tools
    this.life = tools.work.owners.announce()
    this.folder = realpathSync(tools.work.make())
    this.root = join(this.folder, 'root')
    this.filesystem = new PlainRoot({ path: this.root, folder: this.folder, untouched: this.system, ...tools })
    this.places = new SwappedPaths(this.root, join(this.folder, 'aside'))
  }

  async run(): Promise<Outcome> {
    const { on, command, root, folder } = this
    const tree = on.tree()
    refuseUnable(command, folder)
    const identity = resolveIdentity(command.user, tree)
    const env = environmentOf(command, identity)
    checkCommand(command, env, tree)
    if (this.options.inherit?.terminal !== true) this.pipes = this.tools.pipes.take()
    this.pipes?.catch(() => {})
    await this.filesystem.unpack(on)
    const stubs = new Stubs(tree, Math.floor(Date.now() / 1000))
    this.putSystem(stubs, await this.pipes)
    const targets = new Targets(stubs, 'dev')
    for (const mount of inOrder(command.mounts)) await this.put(mount, targets)
    const cwd = targets.directory(command.cwd)
    if (cwd.missing !== undefined) makeDirectory(this.root, cwd.place)
    this.since = diskTime(join(folder, 'since'))
    this.options.signal.throwIfAborted()
    const exitCode = await this.start(
      becomeCommand(
        { command, identity, env, cwd: cwd.place, oneId: false, before: underFilter(command, hasCapability(), folder) },
        root,
        hasCapability(capSetPcap),
      ),
    )
    this.giveBack()
    return {
      exitCode,
      after: async () => {
        const after = await this.filesystem.after()
        this.tools.work.owners.check(this.life)
        return stubs.touch(after)
      },
      wereFilesAsRead: async () => this.areFilesAsRead,
      release: (chain) => this.release(chain),
    }
  }

  async release(chain?: string): Promise<void> {
    this.giveBack()
    await this.filesystem.leave(chain)
    await this.pipes?.then((pipes) => pipes.close()).catch(() => {})
    await removeAll(this.tools.machine, [this.folder])
  }

  private giveBack(): void {
    killInside(this.root)
    if (this.since !== undefined) this.tools.proc.takeBack(this.root, this.since, join(this.folder, 'settings'))
    this.since = undefined
    this.places.giveBack()
    for (const cache of this.held.splice(0)) cache.release()
    for (const relay of this.relays.splice(0)) relay.close()
  }

  private putSystem(stubs: Stubs, pipes: OutputPipes | undefined): void {
    const { places, command, root } = this
    const text = (place: string, content: string) => {
      const at = stubs.place(place, 'file')
      places.borrow(at, (path) => makeFile(path, content, 0o644))
    }
    text('etc/hosts', hostsFile(command))
    text('etc/resolv.conf', resolvFile())
    for (const name of stubs.missingSystem()) {
      makeFolderOfMode(join(root, name), 0o755)
      this.system.delete(name)
    }
    // From here on these three are new directories of ours.
    for (const name of ['proc', 'sys', 'dev']) places.borrow(name, (path) => makeFolderOfMode(path, 0o755))
    for (const [name, mode] of [
      ['shm', 0o1777],
      ['pipes', 0o755],
    ] as const)
      makeFolderOfMode(join(root, 'dev', name), mode)
    for (const { name, bytes } of command.scripts) makeFile(join(root, 'dev/pipes', name), bytes, 0o755)
    putStreams(root, pipes)
    this.tools.proc.put(join(root, 'proc'))
  }

  private async put(mount: SandboxMount, targets: Targets): Promise<void> {
    const { places, options, tools } = this
    switch (mount.kind) {
      case 'memory':
        return places.borrow(targets.add(mount.target, 'directory', shownEmpty).place, (path) => {
          makeFolderOfMode(path, 0o1777)
        })
      case 'secret':
        return places.borrow(targets.add(mount.target, 'file').place, (path) => {
          makeFile(path, mount.bytes, mount.mode, mount)
        })
      case 'cache': {
        // Moved here and back, so that no other step can use it meanwhile, whatever its sharing mode.
        const cache = await tools.caches.take(
          mount.sharing === 'shared' ? { ...mount, sharing: 'locked' } : mount,
          options.signal,
        )
        this.held.push(cache)
        // By then it is there.
        const shown: ShownFiles = { has: (path) => shownOnDisk(join(this.root, place)).has(path) }
        const { place } = targets.add(mount.target, 'directory', shown, mount.readonly)
        return places.borrow(place, (path) => renameSync(cache.path, path), cache.path)
      }
      case 'files':
        return this.putNode(mount.node, mount, targets)
      case 'stack': {
        const tree = mount.stack.tree()
        const place = tree.resolve(mount.path)
        const node = place === '' ? tree.root : tree.get(place)
        if (node === undefined)
          throw new TareError(
            'MOUNT_SOURCE_MISSING',
            `cannot mount "${mount.path}" at ${mount.target}: it does not exist`,
          )
        return this.putNode(node, mount, targets)
      }
      case 'socket': {
        const { path, target, mode, uid, gid } = mount
        const relay = await openRelay(this.folder, `socket-${this.relays.length}`, path, mode)
        this.relays.push(relay)
        own(relay, uid, gid)
        return places.borrow(targets.add(target, 'file').place, (at) => renameSync(relay.path, at))
      }
      case 'host':
        throw unable(`mounting ${mount.path} at ${mount.target} requires mounting, which the chroot sandbox cannot do`)
    }
  }

  private async putNode(
    node: Node,
    mount: { readonly target: string; readonly readonly: boolean },
    targets: Targets,
  ): Promise<void> {
    const at = join(this.folder, `files-${this.held.length}-${mount.target.replaceAll('/', '-')}`)
    const { path: source, isAsRead } = await unpackFiles(node, at, this.tools.machine)
    this.areFilesAsRead &&= isAsRead
    const shown = shownIn(node)
    const readonly = targets.staysReadonly(mount, node, this.command.mounts)
    const { place } = targets.add(mount.target, shown === undefined ? 'file' : 'directory', shown, readonly)
    this.places.borrow(place, (path) => renameSync(source, path))
  }

  private async start(become: string): Promise<number> {
    const { signal, inherit, started } = this.options
    const limits = this.command.limits
      .map(([name, soft, hard]) => `prlimit --pid $$ --${name}=${soft}:${hard} 2>/dev/null || :\n`)
      .join('')
    const nodes = deviceNames
      .map(
        (name, i) =>
          `mknod -m 666 ${quoted(join(this.root, 'dev', name))} c ${[1, 1, 1, 1, 1, 5][i]} ${[3, 5, 7, 8, 9, 0][i]} 2>/dev/null || :\n`,
      )
      .join('')
    const script = join(this.folder, 'step.sh')
    const hidden = hiddenLines(this.command)
      .map((line) => `${line}\n`)
      .join('')
    writeFileSync(script, `umask 022\n${nodes}${limits}${hidden}exec ${become}\n`, { mode: 0o600 })
    const pipes = await this.pipes
    const [out, err] = pipes?.ends ?? (['inherit', 'inherit'] as const)
    const { argv, stdio, done } = sealed([...guard(), 'sh', script], [inherit?.stdin === true ? 0 : 'ignore', out, err])
    const [program = '', ...rest] = argv
    const env = { ...plainEnvironment, ...hiddenEnvironment(this.command) }
    const child: ChildProcess = spawn(program, rest, { env, stdio })
    done()
    pipes?.handedOver()
    // On our own terminal, the command is notified of size changes anyway.
    started?.((name) => (name === 'SIGWINCH' && inherit?.terminal) || child.kill(name))
    const stop = () => child.kill('SIGKILL')
    signal.addEventListener('abort', stop, { once: true })
    const heard = hear(pipes?.streams, this.options, stop)
    // A daemon left behind by the command would keep its output open: it ends with the command.
    child.on('exit', () => killInside(this.root))
    try {
      const code = await ended(child)
      await heard.drained
      signal.throwIfAborted()
      heard.check()
      return code
    } catch (cause) {
      signal.throwIfAborted()
      heard.check()
      throw new TareError('SANDBOX_FAILED', `cannot start ${program}: ${messageOf(cause)}`, { cause })
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}
