import { existsSync, readdirSync, readlinkSync, realpathSync } from 'node:fs'

/** Kills every process whose root is the folder: without a PID namespace they cannot be killed together. */
export function killInside(folder: string): void {
  if (!existsSync(folder)) return
  const root = realpathSync(folder)
  for (let round = 0, found = true; found && round < 50; round++) {
    found = false
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        if (readlinkSync(`/proc/${pid}/root`) !== root) continue
        process.kill(Number(pid), 'SIGKILL')
        found = true
      } catch {
        // It has already ended, or is not ours.
      }
    }
  }
}
