import { Failure } from './failure.ts'

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
  stop(): void
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
  for (const name of names) process.on(name, hear)
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    stop: () => {
      for (const name of names) process.off(name, hear)
    },
  }
}
