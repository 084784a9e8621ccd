import { globalFlags } from '../global-flags.ts'
import { type Streams, writeBytes } from '../streams.ts'
import { complete } from './complete.ts'

/** Answers the scripts: a candidate a line, and what the shell is to add. Whatever goes wrong, the command line stays as it is. */
export async function answerCompletion(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  streams: Streams,
): Promise<number> {
  const open = async () => (await import('../../index.ts')).openTare({ environment: env })
  try {
    const { candidates, files } = await complete(words, { globals: globalFlags, open })
    const lines = candidates
      .filter(({ word }) => !/\p{Cc}|\p{Cf}/u.test(word))
      .map(({ word, help }) => (help === undefined ? word : `${word}\t${firstLine(help)}`))
    await writeBytes(streams.stdout, Buffer.from([...lines, `:${files}`].map((line) => `${line}\n`).join('')))
  } catch {}
  return 0
}

function firstLine(help: string): string {
  return help.split('\n')[0]!.replace(/\p{Cc}/gu, ' ')
}
