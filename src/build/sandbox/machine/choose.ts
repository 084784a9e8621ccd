import { TareError } from '../../../support/index.ts'
import type { Hindrance, Isolation } from '../step/index.ts'
import { hasCapability, type Machine } from './machine.ts'
import { hasOverlay, liesOnOverlay } from './overlay.ts'
import { findProgram, isBusyBox } from './programs.ts'
import { isConfined, tryOut } from './trials.ts'
import { mayNestUsers } from './users.ts'

export interface Choice {
  readonly isolation: Isolation
  readonly runtime?: string | undefined
}

const utilLinux = 'apt-get install util-linux (or apk add util-linux, dnf install util-linux)'
const packages: Readonly<Record<string, string>> = {
  tar: 'apt-get install tar (or apk add tar, dnf install tar)',
  chroot: 'apt-get install coreutils (or apk add coreutils, dnf install coreutils)',
}

/** The sandbox to use: the one that is asked for, or the best that nothing hinders; tried out where rules may hinder it. Throws `SANDBOX_MISSING`. */
export function chooseIsolation(
  machine: Machine,
  folder: string,
  wanted: { readonly isolation?: Isolation | 'auto' | undefined; readonly runtime?: string | undefined },
): Choice {
  const { isolation = 'auto' } = wanted
  const runtime = findRuntime(wanted.runtime)
  const candidates = isolation === 'auto' ? (['oci', 'namespace', 'chroot'] as const) : [isolation]
  const found: { readonly name: Isolation; readonly hindrances: readonly Hindrance[] }[] = []
  let refused: readonly Hindrance[] | undefined
  for (const name of candidates) {
    let hindrances = hindrancesOf(name, machine, folder, runtime)
    if (hindrances.length === 0 && name !== 'chroot' && isConfined()) {
      // Both of them do the same here.
      refused ??= tryOut(name, machine, folder)
      hindrances = refused
    }
    found.push({ name, hindrances })
    if (hindrances.length === 0) break
  }
  const best = found.find(({ hindrances }) => hindrances.length === 0)
  if (best !== undefined) return { isolation: best.name, runtime: best.name === 'oci' ? runtime : undefined }
  const told = found.find(({ name }) => name === 'namespace') ?? found[0]!
  const first = told.hindrances[0]!
  throw new TareError(
    'SANDBOX_MISSING',
    `this machine cannot execute RUN${isolation === 'auto' ? '' : ` with --isolation=${isolation}`}: ${told.hindrances.map(({ what }) => what).join('; ')}`,
    { remedy: `${first.remedy}. \`tare doctor\` tells more.` },
  )
}

export function findRuntime(wanted?: string): string | undefined {
  return wanted ? findProgram(wanted) : (findProgram('crun') ?? findProgram('runc'))
}

/** What hinders the sandbox, most basic first; nothing where it should work. */
export function hindrancesOf(
  isolation: Isolation,
  machine: Machine,
  folder: string,
  runtime: string | undefined,
): readonly Hindrance[] {
  const found: Hindrance[] = []
  const add = (hindered: boolean, what: string, remedy: string) => {
    if (hindered) found.push({ what, remedy })
  }
  add(process.platform !== 'linux', 'RUN needs Linux', 'Use a Linux machine, or a virtual one')
  for (const name of ['setpriv', ...(isolation === 'chroot' ? ['nsenter'] : ['unshare', 'mount']), 'chroot', 'tar']) {
    const remedy = `Install it: ${packages[name] ?? utilLinux}`
    const path = findProgram(name)
    add(path === undefined, `there is no ${name}`, remedy)
    add(path !== undefined && isBusyBox(path), `the ${name} here is BusyBox’s, which can do too little`, remedy)
  }
  if (isolation === 'chroot') {
    add(!machine.root, 'chroot needs root', 'Run as root, or allow user namespaces')
    add(
      machine.root && !hasCapability(18n),
      'chroot is not allowed here (no CAP_SYS_CHROOT)',
      'Give the container that capability: --cap-add SYS_CHROOT',
    )
    return found
  }
  add(
    machine.root && !hasCapability(),
    'mounting is not allowed here (no CAP_SYS_ADMIN)',
    'Use --isolation=chroot, or start the container with --privileged or --cap-add SYS_ADMIN',
  )
  if (!machine.root) found.push(...mayNestUsers())
  add(!hasOverlay(), 'the kernel has no overlay filesystem', 'Load it: sudo modprobe overlay')
  add(
    liesOnOverlay(folder),
    `the store (${folder}) lies on an overlay, which cannot hold another`,
    'Set TARE_HOME to a folder of another filesystem, such as a volume of the container',
  )
  if (isolation === 'oci')
    add(runtime === undefined, 'there is no crun and no runc', 'Install one: apt-get install crun')
  return found
}
