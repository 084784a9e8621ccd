import { locate, type SourceRange } from '../../support/index.ts'
import type { Heredoc, KeyValue } from '../language/index.ts'
import { refusal, trim } from '../language/index.ts'
import type { Directives } from './directives.ts'
import { takeFlags } from './flags.ts'
import { heredocsOf, stripTabs } from './heredoc.ts'
import { LineReader, type LogicalLine } from './lines.ts'
import { readJsonArray, readPairs, splitFirstWord, splitQuotedWords, splitWords } from './words.ts'

/** An instruction split into words that have not been checked yet. */
export interface Phrase {
  /** As written, for example `copy`. */
  readonly name: string
  /** Upper case. */
  readonly kind: string
  readonly flags: readonly string[]
  /** In shell form, one word with the whole command. */
  readonly words: readonly string[]
  readonly json: boolean
  /** For ENV and LABEL. */
  readonly pairs: readonly KeyValue[]
  readonly legacy: boolean
  /** The instruction after ONBUILD. */
  readonly trigger?: Phrase
}

/** A phrase with its location in the file. */
export interface Statement extends Phrase {
  /** The logical line as written, including trailing blanks. */
  readonly line: string
  readonly heredocs: readonly Heredoc[]
  readonly comments: readonly string[]
  readonly hasBlankContinuation: boolean
  /** The last line before any heredoc. */
  readonly lastLine: number
  readonly where: SourceRange
}

/** Splits a whole file into statements. Errors come with their location; BuildKit does not call these "parse error on line N". */
export function readStatements(text: string, file: string): { statements: Statement[]; directives: Directives } {
  const reader = new LineReader(text, file)
  const statements: Statement[] = []
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    try {
      statements.push(readStatement(line, reader))
    } catch (error) {
      throw locate(error, reader.range(line.line))
    }
  }
  return { statements, directives: reader.directives }
}

function readStatement(line: LogicalLine, reader: LineReader): Statement {
  const phrase = readPhrase(line.text, reader.directives.escape)
  const heredocs = readHeredocs(phrase, line, reader)
  const { text, comments, hasBlankContinuation, endLine: lastLine } = line
  return { ...phrase, line: text, heredocs, comments, hasBlankContinuation, lastLine, where: reader.range(line.line) }
}

function readHeredocs(phrase: Phrase, line: LogicalLine, reader: LineReader): readonly Heredoc[] {
  const { kind, json } = phrase.trigger ?? phrase
  if (json || !['ADD', 'COPY', 'RUN'].includes(kind)) return []
  return heredocsOf(line.text).map((mark) => {
    const raw = reader.readHeredoc(mark.name, mark.stripTabs)
    if (raw === undefined) throw unterminated(mark.name)
    return { ...mark, raw, body: mark.stripTabs ? stripTabs(raw) : raw }
  })
}

function unterminated(name: string): Error {
  return refusal('DOCKERFILE_HEREDOC', 'unterminated heredoc', `End it with a line containing only ${name}.`)
}

function readPhrase(line: string, escapeCharacter: string): Phrase {
  const [name, after = ''] = splitFirstWord(trim(line))
  const { flags, rest } = takeFlags(after, escapeCharacter)
  const kind = name.toUpperCase()
  return {
    name,
    kind,
    flags,
    words: [],
    json: false,
    pairs: [],
    legacy: false,
    ...readRest(kind, trim(rest), escapeCharacter),
  }
}

function readRest(kind: string, rest: string, escapeCharacter: string): Partial<Phrase> {
  switch (kind) {
    case 'ADD':
    case 'COPY':
    case 'VOLUME':
      return readListOrJson(rest)
    case 'CMD':
    case 'ENTRYPOINT':
    case 'RUN':
    case 'SHELL':
      return readTextOrJson(rest)
    case 'ARG':
      return { words: splitQuotedWords(rest, escapeCharacter) }
    case 'ENV':
    case 'LABEL':
      return readPairs(kind, rest, escapeCharacter)
    case 'EXPOSE':
    case 'FROM':
      return { words: splitWords(rest) }
    case 'HEALTHCHECK':
      return readHealthcheck(rest)
    case 'MAINTAINER':
    case 'STOPSIGNAL':
    case 'USER':
    case 'WORKDIR':
      return { words: rest === '' ? [] : [rest] }
    case 'ONBUILD':
      return rest === '' ? {} : { trigger: readPhrase(rest, escapeCharacter) }
    default:
      return {}
  }
}

function readListOrJson(rest: string): Partial<Phrase> {
  const array = readJsonArray(rest)
  return array === undefined ? { words: splitWords(rest) } : { words: array, json: true }
}

function readTextOrJson(rest: string): Partial<Phrase> {
  const array = readJsonArray(rest)
  if (array !== undefined) return { words: array, json: true }
  return { words: rest === '' ? [] : [rest] }
}

function readHealthcheck(rest: string): Partial<Phrase> {
  const [type, command] = splitFirstWord(rest)
  if (type === '') return {}
  const { words = [], json = false } = readTextOrJson(trim(command ?? ''))
  return { words: [type, ...words], json }
}
