import { TareError } from '../../../support/index.ts'
import { envFromOutside, findProgram, quoted } from '../machine/index.ts'
import type { Command } from '../step/index.ts'
import { leaveHidden } from './hidden-env.ts'
import type { ProcessUser } from './identity.ts'

/** Docker's default set. (moby, oci/caps) */
export const capabilities = [
  ...['chown', 'dac_override', 'fsetid', 'fowner', 'mknod', 'net_raw', 'setgid', 'setuid', 'setfcap', 'setpcap'],
  ...['net_bind_service', 'sys_chroot', 'kill', 'audit_write'],
] as const

export interface Becoming {
  readonly command: Command
  readonly identity: ProcessUser
  /** Includes HOME. */
  readonly env: readonly string[]
  /** The working directory below the root. */
  readonly cwd: string
  /** Whether root is the only owner, so that groups cannot be set. */
  readonly oneId: boolean
  /** The start of the command line, which restricts the command. */
  readonly before: readonly string[]
}

/**
 * Returns the end of a script: turns the process into the command, with its user and working directory, in the new root. No
 * program of the image runs before the command itself, and none of its variables reaches our programs.
 */
export function becomeCommand(
  { command, identity, env, cwd, oneId, before }: Becoming,
  root: string,
  mayBound = true,
): string {
  const { uid, gid, groups } = identity
  if (oneId && uid + gid > 0)
    throw new TareError('SANDBOX_UNABLE', `the step should run as ${uid}:${gid}, but only root’s ID is mapped here`, {
      remedy:
        'This user needs subordinate IDs, newuidmap and newgidmap, or the build must run as root: `tare doctor` shows what is missing.',
    })
  const asGroups = oneId ? [] : ['--regid', String(gid), '--groups', groups.join(',')]
  const [program = ''] = command.argv
  if (program.includes('='))
    throw new TareError(
      'COMMAND_REFUSED',
      `exec: "${program}": a program with = in its name cannot be started in this sandbox`,
      {
        remedy: 'Use --isolation=oci, or start it from a shell: RUN sh -c "…".',
      },
    )
  const bounding =
    command.insecure || !mayBound ? [] : ['--bounding-set', `-all,${capabilities.map((name) => `+${name}`).join(',')}`]
  const tool = (name: string) => findProgram(name) ?? name
  return [
    ...before,
    ...[tool('setpriv'), '--inh-caps', '-all', ...asGroups, ...bounding, '--'],
    // The working directory stays outside, where env and its libraries are, until env changes it.
    ...[tool('nsenter'), `--root=${root}`, '--wd=/', ...(uid === 0 ? [] : [`--setuid=${uid}`]), '--'],
    ...[...envFromOutside(), ...leaveHidden(command), `--chdir=/${cwd}`, '--', ...env],
    ...command.argv,
  ]
    .map(quoted)
    .join(' ')
}
