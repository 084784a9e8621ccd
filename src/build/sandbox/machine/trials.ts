import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hindrance, Isolation } from '../step/index.ts'
import { type Machine, read } from './machine.ts'
import { overlayOptions } from './overlay.ts'
import { findProgram, plainEnvironment, quoted } from './programs.ts'

/**
 * Whether somebody has put rules upon this process, as container engines do: what these allow can only be told by trying. (proc(5), Seccomp;
 * AppArmor's interface in attr/current)
 */
export function isConfined(): boolean {
  const profile = read('/proc/self/attr/current').replace(/\0|\n/g, '')
  return /^Seccomp:\s*[12]/m.test(read('/proc/self/status')) || (profile !== '' && !profile.startsWith('unconfined'))
}

/** Does on this machine what the sandbox does, and answers what hinders it; some hundredths of a second. `folder` is the store's own. */
export function tryOut(isolation: Isolation, machine: Machine, folder: string): readonly Hindrance[] {
  if (isolation === 'chroot') return []
  const place = makePlace(folder)
  try {
    for (const { argv, what, remedy } of trials(machine, place)) {
      const [program = '', ...rest] = argv
      const { status, stderr } = spawnSync(program, rest, { env: plainEnvironment, encoding: 'utf8' })
      const words = (stderr ?? '').trim().split('\n', 1)[0] ?? ''
      if (status !== 0) return [{ what: `${what}: ${words}`.replace(/: $/, ''), remedy }]
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
