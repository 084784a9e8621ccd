import { existsSync } from 'node:fs'
import { findProgram, guard, isBusyBox, quoted } from '../machine/index.ts'

/** Whether a command can get a terminal of its own; otherwise it gets ours. */
export function mayMakeTerminals(): boolean {
  const script = findProgram('script')
  return script !== undefined && !isBusyBox(script) && ['/dev/ptmx', '/dev/pts'].every(existsSync)
}

/** Returns the options of a devpts for a step only. */
export function devptsOptions(oneId: boolean): string {
  return `nosuid,noexec,newinstance,ptmxmode=0666,mode=0620${oneId ? '' : ',gid=5'}`
}

/**
 * Returns lines for the outer script that run a command line on a new terminal, the first of the step's own devpts, which is left
 * at /dev/pts. It belongs to the command's user, who could not reopen ours, and nobody must be given ours: other processes of that
 * user could read what is typed. (script(1) passes on keys, output, window sizes and the exit code)
 */
export function onNewTerminal(start: readonly string[], uid: number, oneId: boolean): string[] {
  const inside = [
    'exec 5<&0 8>&1 9>&2 </dev/null >&3 2>&3',
    ...(uid === 0 ? [] : [`chown ${uid} /dev/pts/0 || exit`]),
    `exec ${start.map(quoted).join(' ')}`,
  ].join('\n')
  return [
    `mount -n -t devpts -o ${devptsOptions(oneId)} devpts /dev/pts || exit`,
    `${[...guard(), findProgram('script') ?? 'script', '-q', '-e', '-c', inside, '/dev/null'].map(quoted).join(' ')} <&5 >&8 2>&9`,
  ]
}
