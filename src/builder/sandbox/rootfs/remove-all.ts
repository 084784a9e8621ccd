import { rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { type Machine, runProgram } from '../machine/index.ts'

/** Removes directories with files of any owner, however deep. */
export async function removeAll(machine: Machine, paths: readonly string[]): Promise<void> {
  const left = paths.filter((path) => {
    try {
      rmSync(path, { recursive: true, force: true })
      return false
    } catch {
      return true
    }
  })
  if (left.length > 0) await runProgram([...machine.enter([]), 'rm', '-rf', '--', ...left])
}

/** Small directories that are removed while the build goes on. */
export class Removals {
  private readonly machine: Machine
  private readonly pending = new Set<Promise<void>>()

  constructor(machine: Machine) {
    this.machine = machine
  }

  /** A path that cannot be removed is left to the next build, as after a kill. */
  add(path: string): void {
    const removal = rm(path, { recursive: true, force: true })
      .catch(() => removeAll(this.machine, [path]))
      .catch(() => {})
      .finally(() => this.pending.delete(removal))
    this.pending.add(removal)
  }

  /** Resolves once they are gone. */
  async done(): Promise<void> {
    await Promise.all(this.pending)
  }
}
