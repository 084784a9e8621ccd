import { StringDecoder } from 'node:string_decoder'
import type { VerbContext } from './command.ts'
import { Failure } from './failure.ts'
import { Interruption } from './interruption.ts'
import { type Streams, tell } from './streams.ts'

/** Asks questions on the terminal. Typed-ahead text answers the next question. */
export class Prompt {
  private readonly streams: Streams
  private readonly signal: AbortSignal
  private readonly decoder = new StringDecoder('utf8')
  private ahead = ''

  constructor({ streams, signal }: Pick<VerbContext, 'streams' | 'signal'>) {
    this.streams = streams
    this.signal = signal
  }

  /** Asks for a line, returned without its end. A `hidden` one is not echoed; the terminal is restored in any case. */
  async ask(question: string, hidden = false): Promise<string> {
    const { stdin } = this.streams
    // Before the question, so that a quick answer is not echoed either.
    if (hidden) stdin.setRawMode?.(true)
    try {
      await tell(this.streams, question)
      const typing = new Typing(hidden)
      while (!typing.take(this.ahead)) this.ahead = await this.more()
      this.ahead = typing.rest
      return typing.text
    } finally {
      if (hidden) {
        stdin.setRawMode?.(false)
        await tell(this.streams, '\n')
      }
    }
  }

  private more(): Promise<string> {
    const { stdin } = this.streams
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        stdin.off('data', hear).off('end', end).off('error', fail).pause()
        this.signal.removeEventListener('abort', abort)
        act()
      }
      const hear = (chunk: Uint8Array) => settle(() => resolve(this.decoder.write(chunk)))
      const end = () => settle(() => reject(new Failure('standard input ended before a reply was given')))
      const fail = (error: Error) => settle(() => reject(error))
      const abort = () => settle(() => reject(this.signal.reason))
      if (this.signal.aborted) return abort()
      this.signal.addEventListener('abort', abort, { once: true })
      stdin.on('data', hear).on('end', end).on('error', fail).resume()
    })
  }
}

const interrupt = '\x03'
const endOfInput = '\x04'
const eraseLine = '\x15'

/** A line being typed. While hidden, the terminal passes keys to us unprocessed. */
class Typing {
  text = ''
  /** What followed the line. */
  rest = ''
  private readonly hidden: boolean

  constructor(hidden: boolean) {
    this.hidden = hidden
  }

  /** Returns whether the line has ended. Throws for Ctrl-C and Ctrl-D. */
  take(keys: string): boolean {
    const all = [...keys]
    for (const [i, key] of all.entries()) {
      if (key === '\r' || key === '\n') {
        this.rest = all.slice(i + 1).join('')
        return true
      }
      this.press(key)
    }
    return false
  }

  private press(key: string): void {
    if (!this.hidden) this.text += key
    else if (key === interrupt) throw new Interruption(130)
    else if (key === endOfInput && this.text === '') throw new Failure('nothing was entered')
    else if (key === '\x7f' || key === '\b') this.text = [...this.text].slice(0, -1).join('')
    else if (key === eraseLine) this.text = ''
    else if (key >= ' ') this.text += key
  }
}
