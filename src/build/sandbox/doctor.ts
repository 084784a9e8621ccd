import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findRuntime, hindrancesOf } from './choose.ts'
import { hasCapability, type Machine, thisMachine } from './machine.ts'
import { overlayOptions } from './overlay.ts'
import { findProgram, quoted, runProgram } from './programs.ts'
import type { Hindrance, Isolation } from './types.ts'

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
    notes: notesOf(),
  }
}

async function diagnose(isolation: Isolation, machine: Machine, folder: string): Promise<Diagnosis> {
  const runtime = isolation === 'oci' ? findRuntime() : undefined
  const seen = hindrancesOf(isolation, machine, folder, runtime)
  const hindrances = seen.length > 0 ? seen : await tryOut(isolation, machine, folder)
  return {
    isolation,
    works: hindrances.length === 0,
    by: await versionOf(runtime ?? findProgram('unshare')),
    hindrances,
  }
}

async function versionOf(program: string | undefined): Promise<string> {
  if (program === undefined) return ''
  const { stdout } = await runProgram([program, '--version'])
  return stdout.toString('utf8').split('\n', 1)[0] ?? ''
}

async function tryOut(isolation: Isolation, machine: Machine, folder: string): Promise<readonly Hindrance[]> {
  if (isolation === 'chroot') return []
  const place = makePlace(folder)
  try {
    for (const trial of trials(machine, place)) {
      const { code, stderr } = await runProgram(trial.argv)
      if (code !== 0)
        return [
          { what: `${trial.what}: ${stderr.trim().split('\n', 1)[0] ?? ''}`.replace(/: $/, ''), remedy: trial.remedy },
        ]
    }
    return []
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

function makePlace(folder: string): string {
  let parent = folder
  try {
    mkdirSync(folder, { recursive: true })
  } catch {
    parent = tmpdir()
  }
  const place = mkdtempSync(join(parent, 'doctor-'))
  for (const name of ['lower', 'upper', 'work', 'root']) mkdirSync(join(place, name))
  return place
}

/** One thing after the other that a step does, so that the first that fails names the cause. */
function trials(machine: Machine, place: string) {
  const unshare = findProgram('unshare') ?? 'unshare'
  const overlay = overlayOptions(['lower'], { upper: 'upper', work: 'work', machine })
  const inside = (script: string) => [...machine.enter(['--mount']), 'sh', '-c', script]
  const users = {
    what: 'a user namespace with several ids cannot be made',
    argv: inside('true'),
    remedy: existsSync('/.dockerenv')
      ? 'Start the container with --security-opt seccomp=unconfined, or build as root'
      : 'In a chroot the kernel refuses user namespaces: leave it, or build there as root; elsewhere see sysctl user.max_user_namespaces and AppArmor',
  }
  const mounts = {
    ...users,
    what: 'mounting is refused',
    remedy:
      'In a container: --privileged, or --cap-add SYS_ADMIN --security-opt apparmor=unconfined; or use --isolation=chroot',
  }
  return [
    machine.root ? mounts : users,
    {
      what: 'an overlay cannot be mounted in the store',
      argv: inside(`cd ${quoted(place)} && mount -n -t overlay -o ${quoted(overlay ?? '')} overlay root`),
      remedy:
        'Linux 5.11 lets users mount overlays; a store that lies on an overlay itself cannot hold one: set TARE_HOME to a folder of another filesystem (a volume)',
    },
    {
      what: 'a new /proc cannot be mounted',
      argv: inside(
        `${quoted(unshare)} --mount --pid --fork sh -c ${quoted(`mount -n -t proc proc ${quoted(join(place, 'root'))}`)}`,
      ),
      remedy:
        'Parts of /proc are hidden in this container, and then the kernel shows none to others: start it with --security-opt systempaths=unconfined',
    },
  ]
}

function notesOf(): string[] {
  const notes: string[] = []
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
