import type { Cmd, CommandLine, Entrypoint, Shell } from '../language/index.ts'
import { refusal } from '../language/index.ts'
import type { Phrase } from '../syntax/index.ts'
import { readFlags } from '../syntax/index.ts'
import { atLeastOne } from './arguments.ts'

/** Reads a command in exec form (JSON) or shell form. No words at all make an empty shell command. */
export function commandLine({ words, json }: Phrase): CommandLine {
  return json ? { form: 'exec', words } : { form: 'shell', words: [words.join(' ')] }
}

export function readCmd(phrase: Phrase): Omit<Cmd, 'where' | 'source'> {
  readFlags(phrase.flags, {})
  return { kind: 'CMD', command: commandLine(phrase) }
}

export function readEntrypoint(phrase: Phrase): Omit<Entrypoint, 'where' | 'source'> {
  readFlags(phrase.flags, {})
  return { kind: 'ENTRYPOINT', command: commandLine(phrase) }
}

export function readShell(phrase: Phrase): Omit<Shell, 'where' | 'source'> {
  readFlags(phrase.flags, {})
  atLeastOne('SHELL', phrase.words)
  if (phrase.json) return { kind: 'SHELL', shell: phrase.words }
  throw refusal(
    'DOCKERFILE_ARGUMENTS',
    'SHELL requires the arguments to be in JSON form',
    'Write SHELL ["/bin/sh", "-c"].',
  )
}
