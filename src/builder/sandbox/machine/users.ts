import { userInfo } from 'node:os'
import type { Hindrance } from '../step/index.ts'
import { read } from './process-facts.ts'
import { findProgram } from './programs.ts'

/** Returns what prevents a process from being root in its own user namespace. (user_namespaces(7)) */
export function hindrancesToNesting(): readonly Hindrance[] {
  const found: Hindrance[] = []
  const value = (path: string) => read(path).trim()
  if (value('/proc/sys/user/max_user_namespaces') === '0')
    found.push({
      what: 'user namespaces are disabled (user.max_user_namespaces is 0)',
      remedy: 'Allow them: sudo sysctl -w user.max_user_namespaces=15000',
    })
  if (value('/proc/sys/kernel/unprivileged_userns_clone') === '0')
    found.push({
      what: 'user namespaces are restricted to root (kernel.unprivileged_userns_clone is 0)',
      remedy: 'Allow them: sudo sysctl -w kernel.unprivileged_userns_clone=1',
    })
  if (value('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1')
    found.push({
      what: 'AppArmor denies user namespaces to programs without a profile',
      remedy: 'Allow them: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    })
  return found
}

/** Whether this user namespace has no other ID than ours, as that of `unshare -r`: its root can do no more than any user. */
export function hasOneId(): boolean {
  return /^\s*\d+\s+\d+\s+1\s*$/.test(read('/proc/self/uid_map'))
}

/** Returns what prevents an ordinary user from mapping more than its own ID. (subuid(5)) */
export function hindrancesToMapping(): readonly Hindrance[] {
  if (hasOneId())
    return [
      {
        what: 'this user namespace has a single ID',
        remedy: 'Map more of them, as `unshare --map-auto` or `podman unshare` do, or run tare outside of it',
      },
    ]
  const found: Hindrance[] = []
  const uid = process.geteuid?.() ?? 0
  const username = nameOfUser()
  const name = username ?? 'me'
  if (/^NoNewPrivs:\s*1/m.test(read('/proc/self/status')))
    found.push({
      what: 'no_new_privs is set, so newuidmap cannot work',
      remedy:
        'Start the container without --security-opt no-new-privileges (in Kubernetes: allowPrivilegeEscalation: true)',
    })
  for (const name of ['newuidmap', 'newgidmap'])
    if (findProgram(name) === undefined)
      found.push({
        what: `there is no ${name}`,
        remedy: 'Install it: sudo apt-get install uidmap (or apk add shadow-uidmap, dnf install shadow-utils)',
      })
  if (username === undefined)
    found.push({
      what: `the user ${uid} has no entry in /etc/passwd, which newuidmap requires`,
      remedy: `Add one: echo me:x:${uid}:${process.getegid?.()}::/tmp:/bin/sh | sudo tee -a /etc/passwd`,
    })
  for (const file of ['/etc/subuid', '/etc/subgid'])
    if (!new RegExp(`^(?:${name.replace(/[^\w-]/g, '\\$&')}|${uid}):\\d+:\\d{4,}`, 'm').test(read(file)))
      found.push({
        what: `${file} has no entry for ${name}`,
        remedy: `Add one: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name}`,
      })
  return found
}

/** Undefined for a UID that is not in /etc/passwd, as is common in containers. */
function nameOfUser(): string | undefined {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}
