import type { CheckFinding } from '../../api/index.ts'
import type { Filesystem } from './filesystem.ts'
import { finding } from './finding.ts'

/** Checks that the user and group of `USER` exist in the image. */
export function checkAccounts(files: Filesystem, user: string): readonly CheckFinding[] {
  const [name = '', group] = user.split(':')
  return [
    ...(name === '' ? [] : checkAccount(files, name, 'user', '/etc/passwd')),
    ...(group === undefined || group === '' ? [] : checkAccount(files, group, 'group', '/etc/group')),
  ]
}

function checkAccount(files: Filesystem, name: string, kind: 'user' | 'group', path: string): readonly CheckFinding[] {
  const lines = (files.text(path) ?? '').split('\n').map((line) => line.split(':'))
  if (lines.some((fields) => fields[0] === name)) return []
  if (!/^\d+$/.test(name))
    return [
      finding('AccountMissing', 'error', `USER names the ${kind} ${JSON.stringify(name)}, which is not in ${path}`, {
        path: path.slice(1),
        reason: `A container of this image does not start: "unable to find ${kind} ${name}".`,
        remedy: `Add the ${kind} (adduser, or a line in ${path}), or use its number.`,
      }),
    ]
  // Root needs no entry, and a number works without one.
  if (kind === 'group' || name === '0' || lines.some((fields) => fields[2] === name)) return []
  return [
    finding('AccountUnnamed', 'note', `USER is ${name}, which has no entry in ${path}`, {
      path: path.slice(1),
      reason:
        'Programs that ask for the name or the home directory of their user fail: git, ssh, Java, Python’s getpass.',
      remedy: `Add a line to ${path}: app:x:${name}:${name}::/home/app:/sbin/nologin`,
    }),
  ]
}
