import { existsSync } from 'node:fs'
import type { Hindrance, Isolation } from '../step/index.ts'
import { findRuntime, hindrancesOf } from './choose.ts'
import { findFilterLoader } from './filter-loader.ts'
import { type Machine, thisMachine } from './machine.ts'
import { liesOnOverlay } from './overlay.ts'
import { hasCapability, read } from './process-facts.ts'
import { findProgram, runProgram } from './programs.ts'
import { tryOut } from './trials.ts'
import { hindrancesToMapping } from './users.ts'

/** The doctor's result for one sandbox. */
export interface Diagnosis {
  readonly isolation: Isolation
  readonly works: boolean
  /** `crun version 1.8.1`, `unshare from util-linux 2.38.1`. */
  readonly by: string
  /** What is missing, with the command that fixes it; also limitations, if it works. */
  readonly hindrances: readonly Hindrance[]
}

export interface Examination {
  readonly user: string
  /** What `auto` selects; undefined if nothing works. */
  readonly chosen?: Isolation | undefined
  readonly sandboxes: readonly Diagnosis[]
  /** Peculiarities of the machine that are worked around. */
  readonly notes: readonly string[]
}

/** Examines each sandbox on this machine, then tries whether it works. `folder` is the store's own. Rejects if the signal is aborted. */
export async function examine(folder: string, signal?: AbortSignal): Promise<Examination> {
  const machine = thisMachine()
  const sandboxes: Diagnosis[] = []
  for (const isolation of ['oci', 'namespace', 'chroot'] as const) {
    sandboxes.push(await diagnose(isolation, machine, folder))
    signal?.throwIfAborted()
  }
  const chosen = sandboxes.find(({ works }) => works)?.isolation
  return {
    user: machine.root ? 'root' : `user ${process.geteuid?.()}`,
    chosen,
    sandboxes,
    notes: notesOf(machine, folder, chosen),
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

// Any of these sets the loopback interface up in a new network namespace. (run/namespace-script.ts)
const loopbackTools = ['ip', 'ifconfig', 'busybox', 'perl']

/** Returns limitations of a working sandbox. */
function notesOf(machine: Machine, folder: string, chosen: Isolation | undefined): string[] {
  const notes: string[] = []
  if (chosen === 'chroot')
    notes.push(
      'With chroot, /proc in a step contains only copies of a few files: programs that look themselves up there fail (openjdk’s packages, systemd-tmpfiles, gosu, <( ) in bash). Fixing namespace solves that.',
    )
  if (chosen === 'namespace' && liesOnOverlay(folder))
    notes.push(
      `The store (${folder}) is on an overlay, like everything in a container, so each step works on a plain copy of its filesystem: set TARE_HOME to a folder on a volume to avoid that.`,
    )
  if (chosen === 'namespace' && machine.procIsCovered)
    notes.push(
      'Parts of /proc are masked in this container: a step sees the container’s own /proc, with its processes.',
    )
  if (chosen === 'namespace' && machine.oneId) {
    const missing = hindrancesToMapping()
    notes.push(
      `Root is the only possible owner in a step, and chown to others fails: ${missing.map(({ what }) => what).join('; ')}. ${[...new Set(missing.map(({ remedy }) => remedy))].join('. ')}.`,
    )
  }
  if (chosen === 'namespace' && !loopbackTools.some((name) => findProgram(name) !== undefined))
    notes.push(
      `With RUN --network=none the loopback interface stays down: nothing here can bring it up (${loopbackTools.join(', ')}). Install one: sudo apt-get install iproute2.`,
    )
  const firstPort = Number(read('/proc/sys/net/ipv4/ip_unprivileged_port_start'))
  if (machine.nested && chosen !== undefined && chosen !== 'chroot' && firstPort > 0)
    notes.push(
      `Steps cannot listen on ports below ${firstPort}, except with RUN --network=none. To allow it: sudo sysctl net.ipv4.ip_unprivileged_port_start=0.`,
    )
  const mayLoad = chosen === 'namespace' || hasCapability()
  if (chosen !== undefined && chosen !== 'oci' && findFilterLoader(mayLoad) === undefined)
    notes.push(
      mayLoad
        ? 'Nothing here can load seccomp filters (perl, or setpriv from util-linux 2.41): steps run without Docker’s seccomp profile. Install one: sudo apt-get install perl-base.'
        : 'Without CAP_SYS_ADMIN, only this container’s own seccomp profile applies to steps, if it has one.',
    )
  if (existsSync('/sys/fs/cgroup/unified'))
    notes.push(
      'This machine has both versions of cgroups (hybrid), which newer crun rejects: steps run without their own cgroups.',
    )
  else if (existsSync('/sys/fs/cgroup/memory'))
    notes.push('This machine has cgroups version 1: steps run without their own cgroups.')
  if (process.geteuid?.() === 0 && !hasCapability(24n))
    notes.push('Limits cannot be raised here (no CAP_SYS_RESOURCE): --ulimit above the current limits is ignored.')
  return notes
}
