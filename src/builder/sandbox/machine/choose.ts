import { TareError } from '../../../support/index.ts'
import type { Hindrance, Isolation } from '../step/index.ts'
import type { Machine } from './machine.ts'
import { hasOverlay, liesOnOverlay } from './overlay.ts'
import { lackingCapabilities } from './process-facts.ts'
import { findProgram, isBusyBox } from './programs.ts'
import { isConfined, tryOut } from './trials.ts'
import { hindrancesToMapping, hindrancesToNesting } from './users.ts'

export interface Choice {
  readonly isolation: Isolation
  readonly runtime?: string | undefined
}

const utilLinux = 'apt-get install util-linux (or apk add util-linux, dnf install util-linux)'
const coreutils = 'apt-get install coreutils (or apk add coreutils, dnf install coreutils)'
const packages: Readonly<Record<string, string>> = {
  tar: 'apt-get install tar (or apk add tar, dnf install tar)',
  env: coreutils,
}

/**
 * Returns the requested sandbox, or the best one available; tried out if security rules may interfere. Throws `SANDBOX_MISSING`.
 */
export function chooseIsolation(
  machine: Machine,
  folder: string,
  wanted: { readonly isolation?: Isolation | 'auto' | undefined; readonly runtime?: string | undefined },
): Choice {
  const { isolation = 'auto' } = wanted
  const runtime = findRuntime(wanted.runtime)
  const candidates = isolation === 'auto' ? (['oci', 'namespace', 'chroot'] as const) : [isolation]
  const found: { readonly name: Isolation; readonly hindrances: readonly Hindrance[] }[] = []
  for (const name of candidates) {
    let hindrances = hindrancesOf(name, machine, folder, runtime)
    if (hindrances.length === 0 && isConfined(machine)) hindrances = tryOut(name, machine, folder)
    found.push({ name, hindrances })
    if (hindrances.length === 0) break
  }
  const best = found.find(({ hindrances }) => hindrances.length === 0)
  if (best !== undefined) return { isolation: best.name, runtime: best.name === 'oci' ? runtime : undefined }
  const told = found.find(({ name }) => name === 'namespace') ?? found[0]!
  const first = told.hindrances[0]!
  throw new TareError(
    'SANDBOX_MISSING',
    `RUN does not work on this machine${isolation === 'auto' ? '' : ` with --isolation=${isolation}`}: ${told.hindrances.map(({ what }) => what).join('; ')}`,
    { remedy: `${first.remedy}. \`tare doctor\` shows details.` },
  )
}

export function findRuntime(wanted?: string): string | undefined {
  return wanted ? findProgram(wanted) : (findProgram('crun') ?? findProgram('runc'))
}

/** Returns what prevents the sandbox from working, most fundamental first; empty if it should work. */
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
  add(process.platform !== 'linux', 'RUN needs Linux', 'Use a Linux machine or virtual machine')
  for (const name of [
    'setpriv',
    ...(isolation === 'chroot' ? [] : ['unshare', 'mount']),
    ...(isolation === 'oci' ? [] : ['nsenter', 'env']),
    'tar',
  ]) {
    const remedy = `Install it: ${packages[name] ?? utilLinux}`
    const path = findProgram(name)
    add(path === undefined, `there is no ${name}`, remedy)
    add(path !== undefined && isBusyBox(path), `the ${name} here is BusyBox’s, which lacks required features`, remedy)
  }
  add(findProgram('mkfifo') === undefined, 'there is no mkfifo', `Install it: ${coreutils}`)
  if (isolation === 'chroot') {
    add(!machine.root, 'chroot needs root', 'Run as root, or allow user namespaces')
    const lacking = machine.root
      ? lackingCapabilities('SYS_CHROOT', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID')
      : []
    add(
      lacking.length > 0,
      `chroot is not allowed here (no ${lacking.map((name) => `CAP_${name}`).join(', ')})`,
      `Add the missing capabilities to the container: ${addCapabilities(lacking)}`,
    )
    return found
  }
  if (machine.root && machine.nested) {
    // A user namespace replaces the right to mount.
    const lacking = lackingCapabilities('SETUID', 'SETGID', 'SETFCAP')
    add(
      lacking.length > 0,
      `neither mounting nor a user namespace is allowed here (no CAP_SYS_ADMIN, and no ${lacking.map((name) => `CAP_${name}`).join(', ')})`,
      `Add the missing capabilities to the container: ${addCapabilities(lacking)}`,
    )
  }
  if (machine.nested) found.push(...hindrancesToNesting())
  add(!hasOverlay(), 'the kernel has no overlay filesystem', 'Load it: sudo modprobe overlay')
  add(
    liesOnOverlay(folder) && !mayCopy(isolation, machine),
    `the store (${folder}) is on an overlay, which cannot hold another one`,
    'Set TARE_HOME to a folder on another filesystem, such as a volume',
  )
  if (isolation === 'oci') {
    add(runtime === undefined, 'neither crun nor runc is installed', 'Install one: apt-get install crun')
    add(
      machine.procIsCovered,
      'parts of /proc are masked in this container, so a runtime cannot mount a new one',
      'Use --isolation=namespace, or start the container with --security-opt systempaths=unconfined',
    )
    if (machine.oneId) found.push(...hindrancesToMapping())
  }
  return found
}

/** Whether steps can use a plain copy of the filesystem if overlays are not available. */
export function mayCopy(isolation: Isolation, { root, oneId }: Machine): boolean {
  return isolation === 'namespace' && (root || oneId)
}

function addCapabilities(names: readonly string[]): string {
  return `${names.map((name) => `--cap-add ${name}`).join(' ')} (in Kubernetes: securityContext.capabilities.add: [${names.join(', ')}])`
}
