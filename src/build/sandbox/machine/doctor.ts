import { existsSync } from 'node:fs'
import type { Hindrance, Isolation } from '../step/index.ts'
import { findRuntime, hindrancesOf } from './choose.ts'
import { findFilterLoader } from './filter-loader.ts'
import { hasCapability, type Machine, thisMachine } from './machine.ts'
import { findProgram, runProgram } from './programs.ts'
import { tryOut } from './trials.ts'

/** What the doctor found of one sandbox. */
export interface Diagnosis {
  readonly isolation: Isolation
  readonly works: boolean
  /** `crun version 1.8.1`, `unshare from util-linux 2.38.1`. */
  readonly by: string
  /** What is missing, each with the command that mends it; also what works less well, where it works. */
  readonly hindrances: readonly Hindrance[]
}

export interface Examination {
  readonly user: string
  /** What `auto` picks; undefined where nothing works. */
  readonly chosen?: Isolation | undefined
  readonly sandboxes: readonly Diagnosis[]
  /** Peculiarities of the machine that are carried on with. */
  readonly notes: readonly string[]
}

/** Tries each sandbox on this machine: what can be seen, and then whether it does what it has to. `folder` is the store's own. */
export async function examine(folder: string): Promise<Examination> {
  const machine = thisMachine()
  const sandboxes: Diagnosis[] = []
  for (const isolation of ['oci', 'namespace', 'chroot'] as const)
    sandboxes.push(await diagnose(isolation, machine, folder))
  return {
    user: machine.root ? 'root' : `user ${process.geteuid?.()}`,
    chosen: sandboxes.find(({ works }) => works)?.isolation,
    sandboxes,
    notes: notesOf(machine),
  }
}

async function diagnose(isolation: Isolation, machine: Machine, folder: string): Promise<Diagnosis> {
  const runtime = isolation === 'oci' ? findRuntime() : undefined
  const seen = hindrancesOf(isolation, machine, folder, runtime)
  const hindrances = seen.length > 0 ? seen : tryOut(isolation, machine, folder)
  return {
    isolation,
    works: hindrances.length === 0,
    by: await versionOf(runtime ?? findProgram(isolation === 'chroot' ? 'nsenter' : 'unshare')),
    hindrances,
  }
}

async function versionOf(program: string | undefined): Promise<string> {
  if (program === undefined) return ''
  const { stdout } = await runProgram([program, '--version'])
  return stdout.toString('utf8').split('\n', 1)[0] ?? ''
}

function notesOf(machine: Machine): string[] {
  const notes: string[] = []
  if (findFilterLoader(machine) === undefined)
    notes.push(
      machine.root && !hasCapability()
        ? 'Without CAP_SYS_ADMIN a step is under the system call rules of this container, if it has some.'
        : 'Nothing here loads seccomp filters (perl, or setpriv of util-linux 2.41): with namespace and chroot, steps run without Docker’s rules of system calls. Install one: sudo apt-get install perl-base.',
    )
  if (existsSync('/sys/fs/cgroup/unified'))
    notes.push(
      'Cgroups are of both kinds here (hybrid), which newer crun refuses: steps run without cgroups of their own.',
    )
  else if (existsSync('/sys/fs/cgroup/memory'))
    notes.push('Cgroups are version 1 here: steps run without cgroups of their own.')
  if (process.geteuid?.() === 0 && !hasCapability(24n))
    notes.push('Limits cannot be raised here (no CAP_SYS_RESOURCE): --ulimit above the present ones is left out.')
  return notes
}
