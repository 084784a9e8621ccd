import { isatty } from 'node:tty'
import { Failure } from './failure.ts'
import { mayBeTerminal } from './streams.ts'

const exitCodes: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

/** Ctrl-C: the reason of the signal passed to verbs. */
export class Interruption extends Failure {
  constructor(exitCode: number) {
    super('canceled', { exitCode })
    this.name = 'Interruption'
  }
}

export interface InterruptionWatch {
  readonly signal: AbortSignal
  /** Aborts the signal for another reason. */
  abort(reason: Failure): void
  /** Leaves signals to the verb. */
  stop(): void
  /** Must be called when everything else is done. */
  end(): void
}

/**
 * Watches for Ctrl-C and similar signals. The first one aborts the signal, so that the verb can clean up; the second ends the
 * process at once, after 'exit' listeners.
 */
export function watchForInterruption(): InterruptionWatch {
  const controller = new AbortController()
  const names = Object.keys(exitCodes) as NodeJS.Signals[]
  const hear = (name: NodeJS.Signals): void => {
    const exitCode = exitCodes[name] ?? 1
    if (controller.signal.aborted) process.exit(exitCode)
    controller.abort(new Interruption(exitCode))
  }
  let hungUp = false
  const note = () => {
    hungUp = true
  }
  process.on('SIGHUP', note)
  for (const name of names) process.on(name, hear)
  const stop = () => {
    for (const name of names) process.off(name, hear)
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    stop,
    end: () => {
      stop()
      process.off('SIGHUP', note)
      // Node restores the terminal when it exits, and aborts if that is gone: so the process ends before, as a hangup ends it.
      if (hungUp && hasLostTerminal()) process.once('exit', () => process.kill(process.pid, 'SIGHUP'))
    },
  }
}

/** Whether this process was started on a terminal that has been closed. */
export function hasLostTerminal(): boolean {
  return [0, 1, 2].some(isGoneTerminal)
}

/** Whether it is a terminal that has been closed: a device other than /dev/null that says no more that it is a terminal. */
function isGoneTerminal(fd: number): boolean {
  try {
    return mayBeTerminal(fd) && !isatty(fd)
  } catch {
    return false
  }
}
