import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { quoted } from '../machine/index.ts'
import { hostnameOf, type Prepared, type PreparedMount } from '../mounts/index.ts'
import type { Command } from '../step/index.ts'
import { becomeCommand } from './become.ts'
import { hiddenLines } from './hidden-env.ts'
import type { ProcessUser } from './identity.ts'
import { type TableLine, tableText } from './mount-table.ts'
import { makeInside, nestedMounts } from './nested-mounts.ts'
import { devptsOptions } from './new-terminal.ts'

export interface StepFacts {
  readonly command: Command
  readonly identity: ProcessUser
  /** Includes HOME. */
  readonly env: readonly string[]
  readonly prepared: Prepared
  /** Where the root is mounted. */
  readonly root: string
  readonly userNamespace: boolean
  /** Whether root is the only owner. */
  readonly oneId: boolean
  /** The machine's own /proc is then used instead of a new one. */
  readonly procIsCovered: boolean
  /** Whether the command's input is a pipe of its own. */
  readonly pipedInput: boolean
  /** Whether the command gets a new terminal. */
  readonly terminal: boolean
  /** The start of the command line, which restricts the command. */
  readonly before: readonly string[]
}

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

/** What a step's namespaces need on disk. */
export interface NamespaceFiles {
  readonly script: string
  /** Tables for `mount -a`: required mounts, optional mounts, and the step's own. */
  readonly tables: Readonly<Record<'table' | 'extra' | 'asked', string>>
  /** Mount points to create. */
  readonly places: readonly { readonly at: string; readonly directory: boolean }[]
}

/**
 * Returns the script for the first process in a step's namespaces: it mounts everything, then becomes the command. It writes
 * `ready` to descriptor 3 when done, and errors before that. Secrets arrive on descriptor 4, the command's input on 5. Output
 * goes to 8 and 9.
 */
export function namespaceScript(facts: StepFacts): NamespaceFiles {
  const { prepared, root, command, userNamespace } = facts
  const { staged, lines } = nestedMounts(prepared.mounts, root)
  const asked = [...staged, ...prepared.mounts.filter(({ nested }) => !nested).map((mount) => lineOf(mount, root))]
  const table = [...systemLines(facts), ...prepared.system.map((mount) => lineOf(mount, root))]
  const mountAll = (...names: readonly string[]) =>
    `mount -n -a ${names.map((name) => `-T ${quoted(`${root}.${name}`)}`).join(' ')}`
  const hostname = quoted(hostnameOf(command))
  const basics = `${mountAll('table')} || exit 125`
  const script = [
    'set -u',
    'umask 022',
    // In a user namespace we do not own the file, but may set the name.
    `{ echo ${hostname} > /proc/sys/kernel/hostname || hostname ${hostname}; } 2>/dev/null`,
    ...(command.network === 'none' ? [loopbackUp] : []),
    // Before other mounts there: no path leads through the step's own mounts. In one go if every mount works; otherwise from the
    // start, on top of what is there.
    command.insecure
      ? basics
      : `${mountAll('table', 'extra')} 2>/dev/null || { ${basics}; ${mountAll('extra')} 2>/dev/null; }`,
    ...secretLines(prepared, root),
    // Which its user can then reopen. (runc, "fixStdioPermissions")
    ...(facts.pipedInput ? [`chown ${facts.identity.uid} /proc/self/fd/5 2>/dev/null`] : []),
    ...(asked.length === 0 ? [] : [`${mountAll('asked')} || exit 125`]),
    ...lines,
    ...(prepared.cwd.missing === 'inside' ? makeInside(prepared.cwd.place, root) : []),
    ...command.limits.map(([name, soft, hard]) => `prlimit --pid $$ --${name}=${soft}:${hard} 2>/dev/null || :`),
    ...(command.readonlyRoot === true ? [`mount -n -o remount,bind,ro,nodev ${quoted(root)} || exit 125`] : []),
    `cd ${quoted(root)} || exit 125`,
    // The new root covers the old one, so that there is no way out of it, not even with another chroot.
    'mount -n --move . / 2>/dev/null',
    ...hiddenLines(command),
    // The command may not create further user namespaces, which would have all rights over new parts of the kernel.
    ...(userNamespace && !command.insecure ? ['echo 0 2>/dev/null > /proc/sys/user/max_user_namespaces || :'] : []),
    'echo ready',
    `exec ${becomeCommand({ ...facts, cwd: prepared.cwd.place }, '.')} <&5 >&8 2>&9 3>&- 4<&- 5<&- 8>&- 9>&-`,
    '',
  ].join('\n')
  return {
    script,
    tables: { table: tableText(table), extra: tableText(extraLines(facts)), asked: tableText(asked) },
    places: staged,
  }
}

// (netdevice(7): SIOCSIFFLAGS with IFF_UP, IFF_LOOPBACK and IFF_RUNNING)
const loopbackUp = `{ ip link set lo up || ifconfig lo up || busybox ip link set lo up || perl -e 'socket(S,2,2,0); ioctl(S,0x8914,pack("a16s","lo",0x49))'; } >/dev/null 2>&1`

/** Returns lines that put secrets into memory. */
export function secretLines({ secrets }: Prepared, root: string, needsFolder = false): string[] {
  if (secrets.length === 0 && !needsFolder) return []
  const folder = secretsFolder(root)
  return [
    `mkdir ${quoted(folder)} && mount -n -t tmpfs -o mode=700,noexec,nosuid,nodev tmpfs ${quoted(folder)} || exit 125`,
    ...secrets.map(({ bytes, mode, uid, gid }, i) => {
      const file = quoted(join(folder, String(i)))
      return `head -c ${bytes.length} <&4 > ${file} && chown ${uid}:${gid} ${file} && chmod ${mode.toString(8)} ${file} || exit 125`
    }),
  ]
}

/** Returns where a step's secrets are, in memory. */
export function secretsFolder(root: string): string {
  return `${root}-secrets`
}

function systemLines(facts: StepFacts): TableLine[] {
  const { prepared, root, command, userNamespace, procIsCovered } = facts
  const dev = join(root, prepared.dev.place)
  const shm = command.shmSize ?? 64 << 20
  return [
    procIsCovered
      ? { source: '/proc', at: join(root, 'proc'), type: 'none', options: 'rbind' }
      : { source: 'proc', at: join(root, 'proc'), type: 'proc', options: 'nosuid,nodev,noexec' },
    { source: prepared.dev.path, at: dev, type: 'none', options: devFlags(prepared, command).join(',') },
    ...prepared.dev.devices.map((name) => ({
      source: `/dev/${name}`,
      at: join(dev, name),
      type: 'none',
      options: 'bind',
    })),
    ...(facts.terminal
      ? [
          { source: '/dev/pts', at: join(dev, 'pts'), type: 'none', options: 'bind' },
          { source: '/dev/pts/0', at: join(dev, 'console'), type: 'none', options: 'bind' },
        ]
      : [{ source: 'devpts', at: join(dev, 'pts'), type: 'devpts', options: devptsOptions(facts.oneId) }]),
    { source: 'shm', at: join(dev, 'shm'), type: 'tmpfs', options: `nosuid,noexec,nodev,mode=1777,size=${shm}` },
    // A new sysfs requires a network namespace of its own.
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

/**
 * Returns how the folder is bound to /dev: real devices are bound one by one, and device nodes created there cannot be opened.
 */
export function devFlags({ dev }: Prepared, { insecure }: Command): string[] {
  return insecure ? ['bind'] : ['bind', ...new Set(['nodev', 'nosuid', ...dev.flags])]
}

/** Mounts that protect the kernel's files from being changed or read. */
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
