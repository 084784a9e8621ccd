import type { Readable } from 'node:stream'
import { drained } from '../../../support/index.ts'
import type { OutputStream, StepOptions } from '../step/index.ts'

export interface Heard {
  /** Resolves when all output has been passed on. */
  readonly drained: Promise<void>
  /** Throws what the listener has thrown. */
  check(): void
}

/**
 * Passes on a command's output: to `output`, or unchanged to this process's own output if that is inherited. Calls `stop` if the
 * listener throws.
 */
export function hear(
  streams: Readonly<Record<OutputStream, Readable>> | undefined,
  { output, inherit, signal }: Pick<StepOptions, 'output' | 'inherit' | 'signal'>,
  stop: () => void,
): Heard {
  let failure: { readonly error: unknown } | undefined
  const all = (['stdout', 'stderr'] as const).flatMap((name) => {
    const stream = streams?.[name]
    if (stream === undefined) return []
    stream.on('error', () => {})
    let heard = 0
    if (inherit === undefined)
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (failure !== undefined) return
        try {
          output(name, text)
          heard += text.length
          if (heard > unhurried) waitForReaders(stream, signal)
        } catch (error) {
          failure = { error }
          stop()
        }
      })
    else passOn(stream, process[name])
    return [new Promise<void>((resolve) => stream.on('close', resolve).on('end', resolve))]
  })
  return {
    drained: Promise.all(all).then(() => {}),
    check: () => {
      if (failure !== undefined) throw failure.error
    },
  }
}

// Whoever prints so little is not waited for.
const unhurried = 1 << 16

/** Reads no faster than what the listener may have made of the output is read: otherwise it would pile up in this process. */
function waitForReaders(stream: Readable, signal: AbortSignal): void {
  const slow = [process.stdout, process.stderr].filter(({ writableNeedDrain }) => writableNeedDrain)
  if (slow.length === 0 || signal.aborted) return
  const goOn = () => {
    signal.removeEventListener('abort', goOn)
    stream.resume()
  }
  stream.pause()
  signal.addEventListener('abort', goOn)
  void Promise.all(slow.map(drained)).then(goOn)
}

/** If a reader goes away, the command notices by its broken pipe. */
function passOn(stream: Readable, to: NodeJS.WriteStream): void {
  const broken = () => stream.destroy()
  to.once('error', broken)
  stream.pipe(to, { end: false })
  stream.once('close', () => to.removeListener('error', broken))
}
