import { join } from 'node:path'
import { listDoubtful, noteBoot, ownersIn, ProcessFiles } from '../../disk/index.ts'
import { killInside, liesOnOverlay, type Machine, removeCgroups } from './machine/index.ts'
import { Caches, ProcCopies, rescueMoved, SharedFiles } from './mounts/index.ts'
import { makeSpreadFolder, Removals, removeAll, Unpacked } from './rootfs/index.ts'
import { containerName, PipeStock, runInFolder, runOnOverlay } from './run/index.ts'
import type { Command, Isolation, Outcome, Sandbox, Stack, StepOptions } from './step/index.ts'

export interface SandboxChoice {
  readonly machine: Machine
  readonly isolation: Isolation
  readonly runtime: string | undefined
  readonly explain?: ((error: unknown) => unknown) | undefined
}

/** The sandbox that was chosen. Removes what killed processes have left. */
export class MachineSandbox implements Sandbox {
  readonly isolation: Isolation
  readonly by: string
  private readonly machine: Machine
  private readonly runtime: string | undefined
  private readonly unpacked: Unpacked
  private readonly work: ProcessFiles
  private readonly caches: Caches
  private readonly files: SharedFiles
  private readonly pipes: PipeStock
  private readonly removals: Removals
  private readonly proc: ProcCopies
  private readonly trees: string
  private readonly mounted: string
  /** Whether overlays are impossible in the store. */
  private readonly copies: boolean
  private readonly ready: Promise<void>
  private readonly explain: (error: unknown) => unknown

  constructor(folder: string, { machine, isolation, runtime, explain }: SandboxChoice) {
    this.explain = explain ?? ((error) => error)
    this.machine = machine
    this.runtime = runtime
    this.isolation = isolation
    this.by = runtime ?? (isolation === 'chroot' ? 'chroot' : 'unshare')
    this.copies = isolation === 'namespace' && liesOnOverlay(folder)
    this.trees = join(folder, 'trees', machine.owner)
    this.mounted = join(folder, 'mounted', machine.owner)
    // (`steps` holds cached steps.)
    this.work = new ProcessFiles(join(folder, 'running', machine.owner), ownersIn(join(folder, 'alive')))
    this.unpacked = new Unpacked(join(folder, 'unpacked', machine.owner), machine, this.work)
    this.caches = new Caches(join(folder, 'caches', machine.owner), machine, this.work)
    this.files = new SharedFiles(this.mounted, machine, this.work)
    this.pipes = new PipeStock(this.work)
    this.removals = new Removals(machine)
    this.proc = new ProcCopies(this.work)
    const leftovers = this.work.leftovers()
    for (const folder of leftovers) {
      if (isolation === 'chroot') killInside(join(folder, 'root'))
      rescueMoved(join(folder, 'aside'))
      removeCgroups(containerName(folder))
    }
    if (leftovers.length > 0) void removeAll(machine, leftovers)
    this.ready = (isolation === 'chroot' ? Promise.resolve() : machine.hold()).then(() =>
      this.forgetDoubtful(join(folder, 'unpacked', `${machine.owner}.boot`)),
    )
    this.ready.catch(() => {})
  }

  async run(on: Stack, command: Command, options: StepOptions): Promise<Outcome> {
    const { machine, work, caches, files, pipes, removals, unpacked, runtime, trees } = this
    return this.explained(() =>
      this.isolation === 'chroot'
        ? runInFolder(on, command, options, { machine, work, caches, pipes, proc: this.proc, trees })
        : runOnOverlay(on, command, options, {
            ...{ machine, work, caches, files, pipes, removals, unpacked, runtime },
            trees: this.copies ? trees : undefined,
          }),
    )
  }

  async unpack(...[node, identity]: Parameters<Sandbox['unpack']>): Promise<void> {
    if (this.isolation === 'chroot' || this.copies) return
    await this.explained(async () => {
      if (!this.files.mayBeDirect(node)) await this.files.of(node, identity)
    })
  }

  private async explained<T>(use: () => Promise<T>): Promise<T> {
    try {
      await this.ready
      makeSpreadFolder(this.work.folder)
      return await use()
    } catch (error) {
      throw this.explain(error)
    }
  }

  async close(): Promise<void> {
    await this.files.close()
    await this.removals.done()
    await this.ready.catch(() => {})
    await this.unpacked.close()
    this.pipes.close()
    this.proc.close()
    this.machine.letGo()
  }

  /** Removes directories that may be incomplete after a crash; they are unpacked again. */
  private async forgetDoubtful(note: string): Promise<void> {
    // Another machine may be using them.
    if (this.work.owners.hasNeighbours()) return
    const doubtful = listDoubtful(note, [this.unpacked.folder, this.trees, this.mounted])
    if (doubtful.length > 0) await removeAll(this.machine, doubtful)
    try {
      noteBoot(note)
    } catch {
      // The next boot then trusts fewer.
    }
  }
}
