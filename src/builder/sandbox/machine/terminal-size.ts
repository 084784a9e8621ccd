import { spawn } from 'node:child_process'
import type { Machine } from './machine.ts'
import { plainEnvironment } from './programs.ts'
import { firstOfNamespace } from './signal-command.ts'

/**
 * Gives the terminal of the container that runs below the process the size of ours, which crun 1.8 does only at the start. The
 * foreground processes on it are told by the kernel. (ioctl_tty(2), TIOCSWINSZ)
 */
export function resizeTerminal(pid: number, machine: Machine): void {
  // The runtime is the first of the step's namespace, and the command that of the container's.
  const runtime = firstOfNamespace(pid)
  const command = runtime === undefined ? undefined : firstOfNamespace(runtime)
  if (command === undefined) return
  const script = 'set -- "$1" $(stty size) && stty -F "$1" rows "$2" cols "$3"'
  const [program = '', ...rest] = [...machine.enter([]), 'sh', '-c', script, 'sh', `/proc/${command}/root/dev/pts/0`]
  // Without a size the terminal keeps the one it has.
  spawn(program, rest, { env: plainEnvironment, stdio: [1, 'ignore', 'ignore'] }).on('error', () => {})
}
