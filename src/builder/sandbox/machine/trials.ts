import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makePrivateFolder } from '../../../disk/index.ts'
import type { Hindrance, Isolation } from '../step/index.ts'
import type { Machine } from './machine.ts'
import { liesOnOverlay, mountVolatile, openWorkFolder, overlayOptions } from './overlay.ts'
import { read } from './process-facts.ts'
import { findProgram, plainEnvironment, quoted } from './programs.ts'

/**
 * Whether security rules apply to this process, as in containers: what they allow can only be found out by trying. (proc(5),
 * Seccomp; AppArmor's interface in attr/current)
 */
export function isConfined(machine: Machine): boolean {
  const profile = read('/proc/self/attr/current').replace(/\0|\n/g, '')
  return (
    (machine.root && machine.nested) ||
    machine.procIsCovered ||
    /^Seccomp:\s*[12]/m.test(read('/proc/self/status')) ||
    (profile !== '' && !profile.startsWith('unconfined'))
  )
}

/**
 * Does on this machine what the sandbox does, and returns what prevents it; takes some hundredths of a second. `folder` is the
 * store's own.
 */
export function tryOut(isolation: Isolation, machine: Machine, folder: string): readonly Hindrance[] {
  const place = makePlace(folder)
  if (place === undefined)
    return [
      {
        what: `the store (${folder}) is not writable`,
        remedy: 'Set TARE_HOME to a writable folder, such as a volume',
      },
    ]
  try {
    if (isolation === 'chroot') return []
    for (const { argv, whys } of trials(machine, place, liesOnOverlay(folder))) {
      const [program = '', ...rest] = argv
      const { status, stderr } = spawnSync(program, rest, { env: plainEnvironment, encoding: 'utf8' })
      if (status === 0) continue
      const { what, remedy } = whys[(status ?? 0) - firstCode] ?? whys[0]!
      const words = (stderr ?? '').trim().split('\n', 1)[0] ?? ''
      return [{ what: `${what}: ${words}`.replace(/: $/, ''), remedy }]
    }
    return []
  } finally {
    openWorkFolder(join(place, 'work'))
    rmSync(place, { recursive: true, force: true })
  }
}

function makePlace(folder: string): string | undefined {
  try {
    makePrivateFolder(folder)
    const place = mkdtempSync(join(folder, 'doctor-'))
    for (const name of ['lower', 'upper', 'work', 'root']) mkdirSync(join(place, name))
    return place
  } catch {
    return undefined
  }
}

interface Trial {
  readonly argv: readonly string[]
  /** What a failure means: by the exit code, from `firstCode` on; the first one for any other. */
  readonly whys: readonly Hindrance[]
}

const firstCode = 100

/** The operations of a step, one by one, so that the first failure names the cause; in few processes, since each takes time. */
function trials(machine: Machine, place: string, copies: boolean): readonly Trial[] {
  const overlay = overlayOptions(['lower'], { upper: 'upper', work: 'work', machine })
  const root = quoted(join(place, 'root'))
  const newProc = `${quoted(findProgram('unshare') ?? 'unshare')} --mount --pid --fork sh -c ${quoted(`mount -n -t proc proc ${root}`)}`
  const mounts = [
    {
      what: 'mounting is refused',
      script: `mount -n -t tmpfs tmpfs ${root}`,
      remedy:
        'AppArmor or the container’s seccomp profile denies it: start the container with --security-opt apparmor=unconfined --security-opt seccomp=unconfined (in Kubernetes: securityContext.appArmorProfile.type and seccompProfile.type: Unconfined), or use --isolation=chroot',
    },
    ...(copies
      ? []
      : [
          {
            what: 'cannot mount an overlay in the store',
            script: `cd ${quoted(place)} && ${mountVolatile(overlay ?? '', 'root')}`,
            remedy:
              'Mounting overlays as a user requires Linux 5.11; a store that is itself on an overlay cannot hold one: set TARE_HOME to a folder on another filesystem (a volume)',
          },
        ]),
    {
      what: machine.procIsCovered ? 'cannot bind-mount /proc' : 'cannot mount a new /proc',
      script: machine.procIsCovered ? `mount -n --rbind /proc ${root}` : newProc,
      remedy:
        'Parts of /proc are masked in this container, so the kernel refuses new ones: start it with --security-opt systempaths=unconfined (in Kubernetes: securityContext.procMount: Unmasked)',
    },
  ]
  const script = mounts.map(({ script }, i) => `( ${script} ) || exit ${firstCode + i}`).join('\n')
  const nested = {
    what: 'cannot create a user namespace',
    remedy: isInContainer()
      ? 'The container’s seccomp profile refuses it: start it with --security-opt seccomp=unconfined (in Kubernetes: securityContext.seccompProfile.type: Unconfined)'
      : 'In a chroot the kernel refuses user namespaces: leave it, or build there as root; otherwise check sysctl user.max_user_namespaces and AppArmor',
  }
  return [
    ...(machine.nested ? [{ argv: [...machine.enter(['--uts']), 'sh', '-c', ':'], whys: [nested] }] : []),
    { argv: [...machine.enter(['--mount']), 'sh', '-c', script], whys: mounts },
  ]
}

/** Whether this runs in a container. */
export function isInContainer(): boolean {
  return (
    existsSync('/.dockerenv') ||
    existsSync('/run/.containerenv') ||
    process.env['KUBERNETES_SERVICE_HOST'] !== undefined
  )
}
