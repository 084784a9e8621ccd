import { join } from 'node:path'
import { TareError } from '../../support/index.ts'
import { Caches } from './caches.ts'
import { type Machine, thisMachine } from './machine.ts'
import { runOnOverlay } from './overlay-step.ts'
import { findProgram } from './programs.ts'
import type { Command, Isolation, Outcome, RunOptions, Sandbox, Stack } from './types.ts'
import { removeAll, Unpacked } from './unpacked.ts'
import { WorkFolders } from './work-folder.ts'

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
export function openSandbox({ folder, isolation = 'auto', runtime: wanted }: SandboxOptions): Sandbox {
  const machine = thisMachine()
  const runtime =
    isolation === 'oci' || isolation === 'auto'
      ? wanted
        ? findProgram(wanted)
        : (findProgram('crun') ?? findProgram('runc'))
      : undefined
  return new MachineSandbox(join(folder), machine, runtime)
}

class MachineSandbox implements Sandbox {
  readonly isolation: Isolation
  readonly by: string
  private readonly machine: Machine
  private readonly runtime: string | undefined
  private readonly unpacked: Unpacked
  private readonly work: WorkFolders
  private readonly caches: Caches

  constructor(folder: string, machine: Machine, runtime: string | undefined) {
    this.machine = machine
    this.runtime = runtime
    this.isolation = runtime === undefined ? 'namespace' : 'oci'
    this.by = runtime ?? 'unshare'
    this.work = new WorkFolders(join(folder, 'steps', machine.flavour))
    this.unpacked = new Unpacked(join(folder, 'unpacked', machine.flavour), machine, this.work)
    this.caches = new Caches(join(folder, 'caches', machine.flavour), machine, this.work)
    void removeAll(machine, this.work.leftovers())
  }

  run(on: Stack, command: Command, options: RunOptions): Promise<Outcome> {
    return runOnOverlay(on, command, options, {
      machine: this.machine,
      unpacked: this.unpacked,
      work: this.work,
      caches: this.caches,
      runtime: this.runtime,
    })
  }
}
