import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { findProgram, isBusyBox, plainEnvironment } from './programs.ts'

/** A program that installs a seccomp filter and a new session keyring for the command that follows. */
export interface FilterLoader {
  /** `perl`, `setpriv from util-linux 2.41`. */
  readonly by: string
  /** Returns the start of the command line; the file contains the filter. */
  prefix(file: string): string[]
}

// keyctl(2) and seccomp(2). (linux, arch/*/syscall*.tbl)
const numbers = { x64: [250, 317], arm64: [219, 277] } as const

/**
 * Finds a program that can load a filter without no_new_privs, which would disable setuid programs, as with bubblewrap. The
 * kernel requires CAP_SYS_ADMIN for that, which containers lack: there the container's own filter applies.
 */
export function findFilterLoader(hasSysAdmin: boolean): FilterLoader | undefined {
  if (!hasSysAdmin || !existsSync('/proc/sys/kernel/seccomp/actions_avail')) return undefined
  return perlLoader() ?? setprivLoader()
}

function perlLoader(): FilterLoader | undefined {
  const perl = findProgram('perl')
  const [keyctl, seccomp] = numbers[process.arch as keyof typeof numbers] ?? []
  if (perl === undefined || keyctl === undefined) return undefined
  // KEYCTL_JOIN_SESSION_KEYRING without a name; SECCOMP_SET_MODE_FILTER with a struct sock_fprog.
  const script = [
    'open my $file, "<:raw", shift or die "no filter: $!\\n"; local $/; my $filter = <$file>; close $file',
    `syscall ${keyctl}, 1, 0`,
    `syscall(${seccomp}, 1, 0, pack "Sx![P]P", length($filter) / 8, $filter) == 0 or die "the seccomp filter is refused: $!\\n"`,
    'exec {$ARGV[0]} @ARGV or die "$ARGV[0]: $!\\n"',
  ].join('; ')
  return { by: 'perl', prefix: (file) => [perl, '-e', script, file] }
}

function setprivLoader(): FilterLoader | undefined {
  const setpriv = findProgram('setpriv')
  if (setpriv === undefined || isBusyBox(setpriv)) return undefined
  const { stdout } = spawnSync(setpriv, ['--help'], { env: plainEnvironment, encoding: 'utf8' })
  if (!stdout?.includes('--seccomp-filter')) return undefined
  const keyctl = findProgram('keyctl')
  const session = keyctl === undefined ? [] : [keyctl, 'session', '-']
  return { by: 'setpriv', prefix: (file) => [...session, setpriv, '--seccomp-filter', file, '--'] }
}
