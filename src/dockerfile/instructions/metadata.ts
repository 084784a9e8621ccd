import { compareNames } from '../../support/index.ts'
import type {
  Arg,
  ArgPair,
  Env,
  Expose,
  KeyValue,
  Label,
  Maintainer,
  StopSignal,
  User,
  Volume,
  Workdir,
} from '../language/index.ts'
import { cut, refusal, trim } from '../language/index.ts'
import type { Phrase, Statement } from '../syntax/index.ts'
import { given, readFlags } from '../syntax/index.ts'
import { atLeastOne, blankName, onlyWord } from './arguments.ts'

type Body<Instruction extends { where: unknown; source: unknown }> = Omit<Instruction, 'where' | 'source'>

// ARG, STOPSIGNAL and HEALTHCHECK NONE ignore their flags, as BuildKit does.

export function readArg(statement: Statement): Body<Arg> {
  atLeastOne('ARG', statement.words)
  return { kind: 'ARG', args: statement.words.map((word) => readArgPair(word, statement.comments)) }
}

function readArgPair(word: string, comments: readonly string[]): ArgPair {
  const [key, value, hasValue] = cut(word, '=')
  if (hasValue && key === '') throw blankName('ARG')
  return { key, ...given({ value: hasValue ? value : undefined, description: describedAs(key, comments) }) }
}

/** Returns the description that the comments above give for a name: `# NAME what it is`. */
export function describedAs(name: string, comments: readonly string[]): string | undefined {
  const comment = name === '' ? undefined : comments.find((line) => line.startsWith(`${name} `))
  return comment?.slice(name.length + 1)
}

export function readEnv(phrase: Phrase): Body<Env> {
  return { kind: 'ENV', pairs: readNamed(phrase), legacy: phrase.legacy }
}

export function readLabel(phrase: Phrase): Body<Label> {
  return { kind: 'LABEL', pairs: readNamed(phrase), legacy: phrase.legacy }
}

function readNamed({ kind, flags, pairs }: Phrase): readonly KeyValue[] {
  readFlags(flags, {})
  atLeastOne(kind, pairs)
  if (pairs.some(({ key }) => key === '')) throw blankName(kind)
  return pairs
}

export function readExpose(phrase: Phrase): Body<Expose> {
  atLeastOne('EXPOSE', phrase.words)
  readFlags(phrase.flags, {})
  return { kind: 'EXPOSE', ports: [...phrase.words].sort(compareNames) }
}

export function readVolume(phrase: Phrase): Body<Volume> {
  atLeastOne('VOLUME', phrase.words)
  readFlags(phrase.flags, {})
  const paths = phrase.words.map(trim)
  if (paths.includes('')) throw refusal('DOCKERFILE_ARGUMENTS', 'VOLUME specified can not be an empty string')
  return { kind: 'VOLUME', paths }
}

export function readUser(phrase: Phrase): Body<User> {
  const user = onlyWord(phrase)
  readFlags(phrase.flags, {})
  return { kind: 'USER', user }
}

export function readWorkdir(phrase: Phrase): Body<Workdir> {
  const path = onlyWord(phrase)
  readFlags(phrase.flags, {})
  return { kind: 'WORKDIR', path }
}

export function readStopSignal(phrase: Phrase): Body<StopSignal> {
  return { kind: 'STOPSIGNAL', signal: onlyWord(phrase) }
}

export function readMaintainer(phrase: Phrase): Body<Maintainer> {
  const author = onlyWord(phrase)
  readFlags(phrase.flags, {})
  return { kind: 'MAINTAINER', author }
}
