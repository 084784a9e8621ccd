import type { Add, Copy, Heredoc } from '../language/index.ts'
import { refusal } from '../language/index.ts'
import type { Statement } from '../syntax/index.ts'
import { given, isHeredocMark, readFlags, readHeredocMark } from '../syntax/index.ts'

/** `COPY [--from=… --chown=… --chmod=… --link --parents --exclude=…] source… destination` */
export function readCopy(statement: Statement): Omit<Copy, 'where' | 'source'> {
  checkCount(statement)
  const { from, parents, ...flags } = readFlags(statement.flags, {
    chown: 'text',
    from: 'text',
    chmod: 'text',
    link: 'boolean',
    exclude: 'list',
    parents: 'boolean',
  })
  return {
    kind: 'COPY',
    ...readShared(statement, flags),
    parents: parents === true,
    ...given({ from: from || undefined }),
  }
}

/** `ADD [--chown=… --chmod=… --link --exclude=… --checksum=… --keep-git-dir --unpack] source… destination` */
export function readAdd(statement: Statement): Omit<Add, 'where' | 'source'> {
  checkCount(statement)
  const flags = readFlags(statement.flags, {
    chown: 'text',
    chmod: 'text',
    link: 'boolean',
    'keep-git-dir': 'boolean',
    checksum: 'text',
    unpack: 'boolean',
    exclude: 'list',
  })
  return {
    kind: 'ADD',
    ...readShared(statement, flags),
    ...given({ checksum: flags.checksum || undefined, keepGitDir: flags['keep-git-dir'], unpack: flags.unpack }),
  }
}

function checkCount({ kind, words }: Statement): void {
  if (words.length >= 2) return
  const message = `${kind} requires at least two arguments, but only one was provided. Destination could not be determined`
  throw refusal('DOCKERFILE_ARGUMENTS', message, `The syntax is ${kind} source… destination.`)
}

interface SharedFlags {
  readonly chown: string | undefined
  readonly chmod: string | undefined
  readonly link: boolean | undefined
  readonly exclude: readonly string[]
}

function readShared(statement: Statement, { chown, chmod, link, exclude }: SharedFlags) {
  const { json, heredocs } = statement
  const words = json ? statement.words : joinMarks(statement.words)
  const to = words.at(-1)!
  const isHeredoc = (word: string): boolean => !json && isHeredocMark(word)
  if (isHeredoc(to)) {
    const message = `${statement.kind} cannot accept a heredoc as a destination`
    throw refusal('DOCKERFILE_HEREDOC', message, `Add the path of the file after ${to}.`)
  }
  const from = words.slice(0, -1)
  return {
    sources: from.filter((word) => !isHeredoc(word)),
    heredocs: from.filter(isHeredoc).map((word) => bodyOf(word, heredocs)),
    to,
    link: link === true,
    exclude,
    json,
    ...given({ chown: chown || undefined, chmod: chmod || undefined }),
  }
}

/** `<< EOF` is a heredoc too; its body has already been read. */
function joinMarks(words: readonly string[]): readonly string[] {
  const joined: string[] = []
  for (const word of words) joined.push(/^\d*<<$/.test(joined.at(-1) ?? '') ? joined.pop() + word : word)
  return joined
}

/** If two heredocs have the same name, the last body counts, as in BuildKit. */
function bodyOf(word: string, heredocs: readonly Heredoc[]): Heredoc {
  const mark = readHeredocMark(word)!
  const found = heredocs.findLast(({ name }) => name === mark.name)
  return { body: found?.body ?? '', raw: found?.raw ?? '', ...mark }
}
