import type { Readable } from 'node:stream'
import type { OutputStream, RunOptions } from '../step/index.ts'

export interface Heard {
  /** When all has been said. */
  readonly drained: Promise<void>
  /** Throws what whoever listens has thrown. */
  check(): void
}

/**
 * Passes on what a command prints: to `output`, or as it is to this process's own output where that is inherited. Where whoever
 * listens throws, `stop` is called.
 */
export function hear(
  streams: Readonly<Record<OutputStream, Readable>> | undefined,
  { output, inherit }: Pick<RunOptions, 'output' | 'inherit'>,
  stop: () => void,
): Heard {
  let failure: { readonly error: unknown } | undefined
  const all = (['stdout', 'stderr'] as const).flatMap((name) => {
    const stream = streams?.[name]
    if (stream === undefined) return []
    stream.on('error', () => {})
    if (inherit === undefined)
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (failure !== undefined) return
        try {
          output(name, text)
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

/** A reader that goes away is the command's to notice: its pipe breaks. */
function passOn(stream: Readable, to: NodeJS.WriteStream): void {
  const broken = () => stream.destroy()
  to.once('error', broken)
  stream.pipe(to, { end: false })
  stream.once('close', () => to.removeListener('error', broken))
}
