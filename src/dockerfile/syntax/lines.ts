import { locate, type SourceRange, type TareError } from '../../support/index.ts'
import { isBlank, refusal, trim, trimStart } from '../language/index.ts'
import { DirectiveReader, type Directives } from './directives.ts'

/** A line joined with its continuation lines: nothing in between, leading blanks kept. */
export interface LogicalLine {
  readonly text: string
  readonly line: number
  readonly endLine: number
  /** The comments above it, without `#`, back to the last instruction or empty comment. */
  readonly comments: readonly string[]
  /** Whether there are blank lines between continued lines, which BuildKit is going to make an error. */
  readonly hasBlankContinuation: boolean
}

/** Maximum length of a physical line in bytes, without its line break. */
const longestLine = 65535

/** Reads a Dockerfile line by line; the caller reads the bodies of heredocs it finds in a line. */
export class LineReader {
  readonly #file: string
  readonly #text: string
  readonly #lines: readonly string[]
  readonly #directives = new DirectiveReader()
  /** Number of lines read so far, which is also the number of the last one. */
  #read = 0

  constructor(text: string, file: string) {
    this.#file = file
    this.#text = text
    this.#lines = (text.startsWith('\ufeff') ? text.slice(1) : text).split(/(?<=\n)/)
  }

  /** The directives found so far; complete once `next` has returned the first line. */
  get directives(): Directives {
    return this.#directives.directives
  }

  /** The number of the last line read. */
  get line(): number {
    return this.#read
  }

  range(line: number, endLine = this.#read): SourceRange {
    return { file: this.#file, line: Math.max(line, 1), endLine: Math.max(line, endLine, 1), text: this.#text }
  }

  next(): LogicalLine | undefined {
    let comments: string[] = []
    for (let raw = this.#readLine(); raw !== undefined; raw = this.#readLine()) {
      const line = this.#read
      const first = trimStart(withoutEnd(raw))
      const isDirective = this.#readDirective(first)
      if (first.startsWith('#')) {
        const comment = trim(first.slice(1))
        if (comment === '') comments = []
        else if (!isDirective) comments.push(comment)
        continue
      }
      const { text, continues } = this.#continuation(first)
      if (!continues && text === '') continue
      const rest = continues ? this.#readContinuation() : { text: '', hasBlank: false }
      const hasBlankContinuation = rest.hasBlank
      return { text: text + rest.text, line, endLine: this.#read, comments, hasBlankContinuation }
    }
    return undefined
  }

  /** Reads lines up to the one equal to `name`; returns undefined if there is none. */
  readHeredoc(name: string, stripTabs: boolean): string | undefined {
    let body = ''
    for (let raw = this.#readLine(); raw !== undefined; raw = this.#readLine()) {
      const line = withoutEnd(raw)
      if ((stripTabs ? line.replace(/^\t+/, '') : line) === name) return body
      body += raw
    }
    return undefined
  }

  #readLine(): string | undefined {
    const raw = this.#lines[this.#read]
    if (raw === undefined || raw === '') return undefined
    this.#read++
    if (raw.length > longestLine / 3 && Buffer.byteLength(raw.replace(/\n$/, '')) > longestLine) throw this.#tooLong()
    return raw
  }

  #tooLong(): TareError {
    const message = `dockerfile line greater than max allowed size of ${longestLine}`
    const remedy = 'Split the line with the escape character, or COPY the data from a file.'
    return locate(refusal('DOCKERFILE_LINE_TOO_LONG', message, remedy), this.range(this.#read)) as TareError
  }

  #readDirective(line: string): boolean {
    try {
      return this.#directives.read(line)
    } catch (error) {
      throw locate(error, this.range(this.#read))
    }
  }

  #readContinuation(): { text: string; hasBlank: boolean } {
    let joined = ''
    let hasBlank = false
    for (let raw = this.#readLine(); raw !== undefined; raw = this.#readLine()) {
      const line = withoutEnd(raw)
      if (trimStart(line).startsWith('#')) continue
      if (isBlank(line)) {
        hasBlank = true
        continue
      }
      const { text, continues } = this.#continuation(line)
      joined += text
      if (!continues) break
    }
    return { text: joined, hasBlank }
  }

  /** Strips the escape character from a line that continues. One that is itself escaped does not count. */
  #continuation(line: string): { text: string; continues: boolean } {
    let end = line.length
    while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--
    const mark = this.directives.escape
    const continues = end > 0 && line[end - 1] === mark && line[end - 2] !== mark
    return continues ? { text: line.slice(0, end - 1), continues } : { text: line, continues }
  }
}

function withoutEnd(line: string): string {
  return line.replace(/[\r\n]+$/, '')
}
