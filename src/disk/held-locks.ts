import { lutimesSync } from 'node:fs'

const everyMs = 1000

const held = new Set<string>()
let timer: NodeJS.Timeout | undefined
let touched = 0

/** Touches the lock regularly while this process holds it, so that processes in other PID namespaces can see that its holder is alive. */
export function keepTouching(path: string): void {
  held.add(path)
  touched = Date.now()
  timer ??= setInterval(touchLocks, everyMs).unref()
}

export function stopTouching(path: string): void {
  held.delete(path)
  if (held.size > 0) return
  clearInterval(timer)
  timer = undefined
}

/** Touches this process's locks if they are due. */
export function touchLocks(): void {
  const now = Date.now()
  if (held.size === 0 || (now - touched < everyMs / 2 && now >= touched)) return
  touched = now
  for (const path of held)
    try {
      lutimesSync(path, new Date(now), new Date(now))
    } catch {
      // Another process took it over.
    }
}
