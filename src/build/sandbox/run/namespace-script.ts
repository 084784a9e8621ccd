import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram, quoted } from '../machine/index.ts'
import type { Prepared, PreparedMount } from '../mounts/index.ts'
import { hostname } from '../mounts/index.ts'
import type { Command } from '../step/index.ts'
import { hiddenLines, leaveHidden } from './hidden-env.ts'
import type { Identity } from './identity.ts'
import { type TableLine, tableText } from './mount-table.ts'

export interface StepFacts {
  readonly command: Command
  readonly identity: Identity
  /** With HOME. */
  readonly env: readonly string[]
  /** Path of the working directory, symlinks followed, below the root. */
  readonly cwd: string
  readonly prepared: Prepared
  /** Where the root is mounted. */
  readonly root: string
  /** Whether the filesystem has a /bin/sh. */
  readonly hasShell: boolean
  readonly userNamespace: boolean
  /** Then the machine's own stands in for a new one. */
  readonly procIsCovered: boolean
  readonly terminal: boolean
  /** The beginning of the command line that puts rules upon the command. */
  readonly before: readonly string[]
}

/** Docker's default set. (moby, oci/caps) */
export const capabilities = [
  ...['chown', 'dac_override', 'fsetid', 'fowner', 'mknod', 'net_raw', 'setgid', 'setuid', 'setfcap', 'setpcap'],
  ...['net_bind_service', 'sys_chroot', 'kill', 'audit_write'],
] as const

export const maskedPaths = [
  ...[
    '/proc/asound',
    '/proc/acpi',
    '/proc/interrupts',
    '/proc/kcore',
    '/proc/keys',
    '/proc/latency_stats',
    '/proc/timer_list',
  ],
  ...['/proc/timer_stats', '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/devices/virtual/powercap'],
]
export const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

/**
 * The script that is the first process of a step's own namespaces: mounts, and becomes the command. It says `ready` on
 * descriptor 3 once all stands; what goes wrong before is told there too. Secrets come on descriptor 4, the command's input on 5. Output goes to 8 and 9.
 */
export function namespaceScript(facts: StepFacts): {
  readonly script: string
  readonly table: string
  readonly extra: string
} {
  const { prepared, root, command, userNamespace } = facts
  const nested = prepared.mounts.filter((mount) => isNested(mount, prepared.mounts))
  const plain = prepared.mounts.filter((mount) => !nested.includes(mount))
  const table = [...systemLines(facts), ...plain.map((mount) => lineOf(mount, root))]
  const script = [
    'set -u',
    'umask 022',
    // In a user namespace the file is not ours, yet the name is.
    `{ echo ${hostname} > /proc/sys/kernel/hostname || hostname ${hostname}; } 2>/dev/null`,
    `mount -n -a -T ${quoted(`${root}.table`)} || exit 125`,
    ...(command.insecure ? [] : [`mount -n -a -T ${quoted(`${root}.extra`)} 2>/dev/null`]),
    ...nested.flatMap((mount) => nestedLines(mount, root)),
    ...secretLines(prepared, root),
    ...command.limits.map(([name, soft, hard]) => `prlimit --pid $$ --${name}=${soft}:${hard} 2>/dev/null || :`),
    ...(command.readonlyRoot === true ? [`mount -n -o remount,bind,ro,nodev ${quoted(root)} || exit 125`] : []),
    `cd ${quoted(root)} || exit 125`,
    // The new root covers the old one, so that nothing leads out of it any more, not even another chroot.
    'mount -n --move . / 2>/dev/null',
    ...hiddenLines(command),
    // Nobody in there makes further user namespaces, which have every right over new parts of the kernel.
    ...(userNamespace && !command.insecure ? ['echo 0 2>/dev/null > /proc/sys/user/max_user_namespaces || :'] : []),
    'echo ready',
    `exec ${becomeCommand(facts, '.', { mayBound: true, mayUnshare: true })} <&5 >&8 2>&9 3>&- 4<&- 5<&- 8>&- 9>&-`,
    '',
  ].join('\n')
  return { script, table: tableText(table), extra: tableText(extraLines(facts)) }
}

/** The lines that put secrets into memory and mount them. */
export function secretLines({ secrets }: Prepared, root: string, needsFolder = false): string[] {
  if (secrets.length === 0 && !needsFolder) return []
  const folder = `${root}-secrets`
  return [
    `mkdir ${quoted(folder)} && mount -n -t tmpfs -o mode=700,noexec,nosuid,nodev tmpfs ${quoted(folder)} || exit 125`,
    ...secrets.flatMap(({ place, bytes, mode, uid, gid }, i) => {
      const file = quoted(join(folder, String(i)))
      const at = quoted(join(root, place))
      return [
        `head -c ${bytes.length} <&4 > ${file} && chown ${uid}:${gid} ${file} && chmod ${mode.toString(8)} ${file} || exit 125`,
        `{ [ -e ${at} ] || { mkdir -p ${quoted(join(root, place, '..'))} && : > ${at}; }; } && mount -n --bind ${file} ${at} || exit 125`,
      ]
    }),
  ]
}

function systemLines({ prepared, root, command, userNamespace, procIsCovered }: StepFacts): TableLine[] {
  const dev = join(root, 'dev')
  const shm = command.shmSize ?? 64 << 20
  return [
    procIsCovered
      ? { source: '/proc', at: join(root, 'proc'), type: 'none', options: 'rbind' }
      : { source: 'proc', at: join(root, 'proc'), type: 'proc', options: 'nosuid,nodev,noexec' },
    { source: prepared.dev.path, at: dev, type: 'none', options: 'bind' },
    ...prepared.dev.devices.map((name) => ({
      source: `/dev/${name}`,
      at: join(dev, name),
      type: 'none',
      options: 'bind',
    })),
    {
      source: 'devpts',
      at: join(dev, 'pts'),
      type: 'devpts',
      options: 'nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5',
    },
    { source: 'shm', at: join(dev, 'shm'), type: 'tmpfs', options: `nosuid,noexec,nodev,mode=1777,size=${shm}` },
    // A new sysfs needs a network namespace of its own.
    procIsCovered || (userNamespace && command.network !== 'none')
      ? { source: '/sys', at: join(root, 'sys'), type: 'none', options: 'rbind' }
      : {
          source: 'sysfs',
          at: join(root, 'sys'),
          type: 'sysfs',
          options: `nosuid,noexec,nodev${command.insecure ? '' : ',ro'}`,
        },
  ]
}

/** What keeps the kernel's own files from being changed or read. */
function extraLines({ root }: StepFacts): TableLine[] {
  return [
    ...readonlyPaths
      .filter(existsSync)
      .map((path) => ({ source: join(root, path), at: join(root, path), type: 'none', options: 'bind,ro' })),
    ...maskedPaths
      .filter(existsSync)
      .map((path) =>
        findKind(path) === 'directory'
          ? { source: 'tmpfs', at: join(root, path), type: 'tmpfs', options: 'ro,size=0k' }
          : { source: '/dev/null', at: join(root, path), type: 'none', options: 'bind' },
      ),
  ]
}

function findKind(path: string): 'directory' | 'file' {
  return existsSync(`${path}/.`) ? 'directory' : 'file'
}

function lineOf({ source, place, type, options }: PreparedMount, root: string): TableLine {
  const bind = type === 'bind'
  return {
    source,
    at: join(root, place),
    type: bind ? 'none' : type,
    options: [...(bind ? ['bind'] : []), ...options].join(',') || 'defaults',
  }
}

export function isNested(mount: PreparedMount, all: readonly PreparedMount[]): boolean {
  const holders = ['proc', 'sys', 'dev', ...all.filter((other) => other !== mount).map(({ place }) => place)]
  return holders.some((place) => mount.place.startsWith(`${place}/`))
}

function nestedLines(mount: PreparedMount, root: string): string[] {
  const { source, at, type, options } = lineOf(mount, root)
  const place = quoted(at)
  const make = mount.directory
    ? `mkdir -p ${place}`
    : `{ [ -e ${place} ] || { mkdir -p ${quoted(join(at, '..'))} && : > ${place}; }; }`
  return [`${make} && mount -n -t ${type} -o ${quoted(options)} ${quoted(source)} ${place} || exit 125`]
}

/** What the place of a step allows. */
export interface Allowed {
  /** To give capabilities up. */
  readonly mayBound: boolean
  /** unshare(2), even for nothing, which the rules of containers refuse: then nsenter changes the root. */
  readonly mayUnshare: boolean
}

/** The end of the script: whatever turns the process into the command, as its user, in its directory, in the new root. */
export function becomeCommand(
  {
    command,
    identity,
    env,
    cwd,
    hasShell,
    before,
  }: Omit<StepFacts, 'prepared' | 'root' | 'userNamespace' | 'procIsCovered'>,
  root: string,
  { mayBound, mayUnshare }: Allowed,
): string {
  const { uid, gid, groups } = identity
  const bounding =
    command.insecure || !mayBound ? [] : ['--bounding-set', `-all,${capabilities.map((name) => `+${name}`).join(',')}`]
  const words = (...list: readonly string[]) => list.map(quoted).join(' ')
  const under = before.length === 0 ? '' : `${words(...before)} `
  const tool = (name: string) => findProgram(name) ?? name
  // What speaks to the dynamic linker would reach our own tools on the way; a shell of the image's puts it in place.
  const late = env.filter((line) => /^LD_/.test(line))
  const early = hasShell ? env.filter((line) => !late.includes(line)) : env
  const viaShell = hasShell && (late.length > 0 || (uid !== 0 && cwd !== ''))
  const start = viaShell
    ? words(
        '/bin/sh',
        '-c',
        `cd "$1" && shift${late.map((line, i) => ` && export "${line.slice(0, line.indexOf('='))}=\${${i + 1}#*=}"`).join('')}${' && shift'.repeat(late.length > 0 ? 1 : 0)}${late.length > 0 ? ` ${late.length}` : ''} && exec "$@"`,
        'sh',
        `/${cwd}`,
        ...late,
      )
    : ''
  const argv = `${start === '' ? '' : `${start} `}${words(...command.argv)}`
  const clean = words(tool('env'), ...leaveHidden(command), ...early)
  const enter = (...as: readonly string[]) =>
    mayUnshare
      ? words(tool('unshare'), `--root=${root}`, `--wd=/${cwd}`, ...as, '--')
      : words(tool('nsenter'), `--root=${root}`, `--wdns=/${cwd}`, ...as, '--')
  if (uid === 0) {
    const as = [...(gid === 0 ? [] : ['--regid', String(gid)]), '--groups', groups.join(',')]
    return `${under}${words(tool('setpriv'), ...as, ...bounding, '--')} ${clean} ${enter()} ${argv}`
  }
  const limited = bounding.length === 0 ? '' : `${words(tool('setpriv'), ...bounding, '--')} `
  if (cwd === '' || hasShell)
    return `${under}${limited}${clean} ${words(tool('chroot'), `--userspec=+${uid}:+${gid}`, `--groups=${groups.map((id) => `+${id}`).join(',')}`, root)} ${argv}`
  // Without a shell nobody can change the directory for a user with groups of its own; without a shell such groups are rare.
  return `${under}${limited}${clean} ${enter(`--setgid=${gid}`, `--setuid=${uid}`)} ${argv}`
}
