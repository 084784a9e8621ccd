import { join } from 'node:path'
import { listDoubtful, noteBoot, ownersIn, ProcessFiles } from '../../disk/index.ts'
import { TareError } from '../../support/index.ts'
import { chooseIsolation, killInside, liesOnOverlay, type Machine, thisMachine } from './machine/index.ts'
import { Caches, rescueMoved, SharedFiles } from './mounts/index.ts'
import { removeAll, Unpacked } from './rootfs/index.ts'
import { PipeStock, runInFolder, runOnOverlay } from './run/index.ts'
import type { Command, Isolation, Outcome, RunOptions, Sandbox, Stack } from './step/index.ts'

export interface SandboxOptions {
  /** The store's own folder, where layers are unpacked. */
  readonly folder: string
  /** Default: the best that works here. */
  readonly isolation?: Isolation | 'auto' | undefined
  /** Name or path of the OCI runtime. Default: crun, else runc. */
  readonly runtime?: string | undefined
}

/** The isolation of that name. Throws `ISOLATION_UNKNOWN`. */
export function readIsolation(text: string | undefined): Isolation | 'auto' {
  if (text === undefined || text === '' || text === 'default') return 'auto'
  const found = (['auto', 'oci', 'namespace', 'chroot'] as const).find((one) => one === text)
  if (found === undefined)
    throw new TareError('ISOLATION_UNKNOWN', `invalid isolation "${text}"`, {
      remedy: 'It is auto, oci, namespace or chroot.',
    })
  return found
}

/** The sandbox of this machine. Throws `SANDBOX_MISSING` where there is none, with what would mend that. */
export function openSandbox(options: SandboxOptions): Sandbox {
  const machine = thisMachine()
  const { isolation, runtime } = chooseIsolation(machine, options.folder, options)
  return new MachineSandbox(options.folder, machine, isolation, runtime)
}

class MachineSandbox implements Sandbox {
  readonly isolation: Isolation
  readonly by: string
  private readonly machine: Machine
  private readonly runtime: string | undefined
  private readonly unpacked: Unpacked
  private readonly work: ProcessFiles
  private readonly caches: Caches
  private readonly files: SharedFiles
  private readonly pipes: PipeStock
  private readonly trees: string
  /** Whether there can be no overlay in the store. */
  private readonly copies: boolean
  private readonly ready: Promise<void>

  constructor(folder: string, machine: Machine, isolation: Isolation, runtime: string | undefined) {
    this.machine = machine
    this.runtime = runtime
    this.isolation = isolation
    this.by = runtime ?? (isolation === 'chroot' ? 'chroot' : 'unshare')
    this.copies = isolation === 'namespace' && liesOnOverlay(folder)
    this.trees = join(folder, 'trees', machine.flavour)
    // (`steps` holds what the store remembers of steps.)
    this.work = new ProcessFiles(join(folder, 'running', machine.flavour), ownersIn(join(folder, 'alive')))
    this.unpacked = new Unpacked(join(folder, 'unpacked', machine.flavour), machine, this.work)
    this.caches = new Caches(join(folder, 'caches', machine.flavour), machine, this.work)
    this.files = new SharedFiles(machine, this.work)
    this.pipes = new PipeStock(this.work)
    const leftovers = this.work.leftovers()
    for (const folder of leftovers) {
      if (isolation === 'chroot') killInside(join(folder, 'root'))
      rescueMoved(join(folder, 'aside'))
    }
    if (leftovers.length > 0) void removeAll(machine, leftovers)
    this.ready = (isolation === 'chroot' ? Promise.resolve() : machine.hold()).then(() =>
      this.forgetDoubtful(join(folder, 'unpacked', `${machine.flavour}.boot`)),
    )
    this.ready.catch(() => {})
  }

  async run(on: Stack, command: Command, options: RunOptions): Promise<Outcome> {
    await this.ready
    const { machine, work, caches, files, pipes, unpacked, runtime, trees } = this
    return this.isolation === 'chroot'
      ? runInFolder(on, command, options, { machine, work, caches, pipes, trees })
      : runOnOverlay(on, command, options, {
          ...{ machine, work, caches, files, pipes, unpacked, runtime },
          trees: this.copies ? trees : undefined,
        })
  }

  async close(): Promise<void> {
    await this.files.close()
    await this.ready.catch(() => {})
    this.pipes.close()
    this.machine.letGo()
  }

  /** Removes directories that may be incomplete after a crash; they are unpacked again. */
  private async forgetDoubtful(note: string): Promise<void> {
    // A neighbour may be at work in them, and its machine goes on.
    if (this.work.owners.hasNeighbours()) return
    const doubtful = listDoubtful(note, [this.unpacked.folder, this.trees])
    if (doubtful.length > 0) await removeAll(this.machine, doubtful)
    try {
      noteBoot(note)
    } catch {
      // Then the next boot trusts less.
    }
  }
}
