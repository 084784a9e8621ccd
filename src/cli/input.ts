import { addAbortSignal } from 'node:stream'
import type { VerbContext } from './command.ts'

type Source = Pick<VerbContext, 'streams' | 'signal'>

/** Returns the bytes of standard input; throws the signal's reason on Ctrl-C. */
export function inputBytes({ streams, signal }: Source): AsyncIterable<Uint8Array> {
  return addAbortSignal(signal, streams.stdin)
}

/** Reads all of standard input. */
export async function inputWhole(source: Source): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of inputBytes(source)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** Whether the first line of standard input means yes; end of input means no. */
export async function inputConsent(source: Source): Promise<boolean> {
  let text = ''
  for await (const chunk of inputBytes(source)) {
    text += Buffer.from(chunk).toString('utf8')
    if (text.includes('\n')) break
  }
  return /^\s*y\s*$/i.test(text.split('\n')[0]!)
}
