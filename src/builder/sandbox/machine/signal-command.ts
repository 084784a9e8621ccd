import { readFileSync } from 'node:fs'
import { systemCode } from '../../../support/index.ts'

/** Sends a signal to the command running below a process: the first process in a PID namespace of its own. */
export function signalCommand(pid: number, signal: NodeJS.Signals): void {
  const command = firstOfNamespace(pid)
  if (command === undefined) return
  try {
    process.kill(command, signal)
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

/** Returns the first process of a PID namespace that was created below the process. (proc(5): NSpid lists the PID in each namespace, innermost last; children needs CONFIG_PROC_CHILDREN) */
export function firstOfNamespace(pid: number): number | undefined {
  for (const child of readText(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)) {
    if (/^NSpid:.*\s1$/m.test(readText(`/proc/${child}/status`))) return child
    const found = firstOfNamespace(child)
    if (found !== undefined) return found
  }
  return undefined
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
