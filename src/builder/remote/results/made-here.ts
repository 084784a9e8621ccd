import { posix } from 'node:path'
import { Steps, silent } from '../../../support/index.ts'
import type { Operation, Plan } from '../../plan/index.ts'
import { solve, type Tools } from '../../solve/index.ts'
import type { MadeThere } from './made-there.ts'

// Asking about more takes longer than handing over their layers.
const mostLayers = 16
const mostListings = 100

/** Whether this machine can make the plan's layers of nothing but what it has, without running anything. */
export function isMadeOfOwn({ operations }: Plan, { store }: Pick<Tools, 'store'>): boolean {
  const isOwn = (operation: Operation) => {
    if (operation.kind === 'image') return operation.base.layers.every(({ diffId }) => store.blobs.touch(diffId))
    return ['scratch', 'context', 'copy', 'make-directory'].includes(operation.kind)
  }
  return operations.every(isOwn) && operations.filter((one) => 'onto' in one).length <= mostLayers
}

/**
 * A plan's layers, made here as well as by an engine. If both have the same digests, they need not come back: they are in the store.
 * Only the times of directories are taken from the engine. What fails here does not matter.
 */
export class MadeHere {
  private readonly plan: Plan
  private readonly there: MadeThere
  private readonly tools: Tools
  private readonly lastTimes = gate()
  private readonly packing = gate()
  private work: Promise<void> | undefined
  private listings = 0

  /** `name` stands for who makes the layers there, in the keys of steps. */
  constructor(plan: Plan, name: string, there: MadeThere, tools: Tools) {
    this.plan = plan
    this.there = there
    const timesOf = (operation: Operation, directories: readonly string[]) => this.timesOf(operation, directories)
    this.tools = { ...tools, steps: new Steps(silent), made: new Set(), elsewhere: { name, timesOf } }
  }

  begin(): void {
    this.work ??= solve(this.plan, this.tools).then(
      () => {},
      () => {},
    )
  }

  /** Resolves when the engine will not be asked any more. Call `pack` then, as soon as it has been told to go on. */
  async asked(): Promise<void> {
    await Promise.race([this.lastTimes.passed, this.work])
  }

  /** Lets the last layer be written: until then, this machine is free to speak to the engine. */
  pack(): void {
    this.packing.open()
  }

  /** Resolves when the layers are in the store, as far as they can be made. */
  async done(): Promise<void> {
    await this.work
  }

  private async timesOf(operation: Operation, directories: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { operations, output } = this.plan
    const parents = new Set(directories.map((path) => posix.dirname(path)))
    this.listings += parents.size
    if (this.listings > mostListings) throw new Error('too many directories')
    const times = new Map<string, number>()
    const add = async (parent: string) => {
      for (const [name, time] of await this.there.list(operations.indexOf(operation), parent))
        times.set(posix.join(parent, name), Math.floor(Number(time / 1_000_000n) / 1000))
    }
    await Promise.all([...parents].map(add))
    if (operation === operations[output.root]) {
      this.lastTimes.open()
      await this.packing.passed
    }
    return times
  }
}

function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open }
}
