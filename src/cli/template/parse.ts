import { lexTemplate, type TemplateToken } from './lex.ts'
import { lineOf, TemplateError } from './template-error.ts'

/** A value in a command. `at` is what errors point to, `source` what they quote. */
export interface Operand {
  readonly kind: 'dot' | 'nil' | 'literal' | 'variable' | 'function' | 'pipe'
  readonly at: number
  readonly source: string
  /** For a literal. */
  readonly value?: unknown
  /** For a variable (with its `$`) or a function. */
  readonly name?: string
  readonly pipe?: Pipe
  /** Fields accessed one after the other: `.Config.Env`. */
  readonly fields: readonly string[]
}

export interface PipelineCommand {
  readonly operands: readonly Operand[]
  readonly at: number
  readonly source: string
}

export interface Pipe {
  readonly variables: readonly string[]
  /** `=` rather than `:=`. */
  readonly assigns: boolean
  readonly commands: readonly PipelineCommand[]
}

export type TemplateNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipe: Pipe }
  | {
      readonly kind: 'if' | 'with' | 'range'
      readonly pipe: Pipe
      readonly body: readonly TemplateNode[]
      readonly otherwise: readonly TemplateNode[]
    }
  | { readonly kind: 'break' | 'continue' }

/** Parses a template. `functions` are the names that may be called. Throws a TemplateError worded like Go's. */
export function parseTemplate(text: string, functions: ReadonlySet<string>): readonly TemplateNode[] {
  return new Parser(text, functions).parse()
}

class Parser {
  private readonly text: string
  private readonly functions: ReadonlySet<string>
  private readonly tokens: readonly TemplateToken[]
  private next = 0
  private variables: string[] = ['$']
  private ranges = 0

  constructor(text: string, functions: ReadonlySet<string>) {
    this.text = text
    this.functions = functions
    this.tokens = lexTemplate(text)
  }

  parse(): readonly TemplateNode[] {
    const { nodes, end } = this.list()
    if (end !== undefined) throw this.fail(`unexpected {{${end}}}`)
    return nodes
  }

  /** Parses nodes up to `{{end}}` or `{{else}}`, which is consumed and returned. */
  private list(): { nodes: readonly TemplateNode[]; end: 'end' | 'else' | undefined } {
    const nodes: TemplateNode[] = []
    for (;;) {
      const token = this.tokens[this.next]
      if (token === undefined) return { nodes, end: undefined }
      this.next += 1
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.source })
        continue
      }
      this.skipSpace()
      const word = this.peek()?.kind === 'word' ? this.peek()!.source : ''
      if (word === 'end' || word === 'else') {
        this.next += 1
        if (word === 'end') this.close(word)
        return { nodes, end: word }
      }
      if (word === 'if' || word === 'with' || word === 'range') {
        this.next += 1
        nodes.push(this.control(word))
      } else if (word === 'break' || word === 'continue') {
        this.next += 1
        if (this.ranges === 0) throw this.fail(`{{${word}}} outside {{range}}`)
        this.close(word)
        nodes.push({ kind: word })
      } else nodes.push({ kind: 'print', pipe: this.pipe('command', 'close') })
    }
  }

  private control(kind: 'if' | 'with' | 'range'): TemplateNode {
    const scope = this.variables.length
    const pipe = this.pipe(kind, 'close')
    if (kind === 'range') this.ranges += 1
    const { nodes: body, end } = this.list()
    if (kind === 'range') this.ranges -= 1
    let otherwise: readonly TemplateNode[] = []
    if (end === undefined) throw this.fail('unexpected EOF')
    if (end === 'else') {
      this.skipSpace()
      const word = this.peek()
      if (word?.kind === 'word' && word.source === kind && kind !== 'range') {
        // `{{else if x}}` is `{{else}}{{if x}}` with one `{{end}}` for both.
        this.next += 1
        otherwise = [this.control(kind)]
      } else {
        this.close('else')
        const rest = this.list()
        if (rest.end === undefined) throw this.fail('unexpected EOF')
        if (rest.end === 'else') throw this.fail('expected end; found {{else}}')
        otherwise = rest.nodes
      }
    }
    this.variables.length = scope
    return { kind, pipe, body, otherwise }
  }

  private pipe(context: string, until: 'close' | 'paren'): Pipe {
    const { variables, assigns } = this.declaration(context)
    const commands: PipelineCommand[] = []
    for (;;) {
      this.skipSpace()
      const token = this.peek()
      if (token === undefined) throw this.fail('unexpected EOF')
      const ends = until === 'close' ? token.kind === 'close' : token.source === ')'
      if (ends) {
        this.next += 1
        if (commands.length === 0)
          throw this.fail(`missing value for ${context === 'paren' ? 'parenthesized pipeline' : context}`)
        this.checkPipe(commands)
        if (!assigns) this.variables.push(...variables)
        return { variables, assigns, commands }
      }
      if (token.kind === 'close') throw this.fail('unclosed left paren')
      commands.push(this.command(context))
    }
  }

  private declaration(context: string): { variables: readonly string[]; assigns: boolean } {
    const start = this.next
    const names: string[] = []
    for (;;) {
      this.skipSpace()
      const token = this.peek()
      if (token?.kind !== 'variable') break
      names.push(token.source)
      this.next += 1
      this.skipSpace()
      const mark = this.peek()?.source
      if (mark === ':=' || mark === '=') {
        this.next += 1
        if (mark === '=') for (const name of names) this.known(name)
        return { variables: names, assigns: mark === '=' }
      }
      if (mark !== ',') break
      if (context !== 'range' || names.length > 1) throw this.fail(`too many declarations in ${context}`)
      this.next += 1
    }
    this.next = start
    return { variables: [], assigns: false }
  }

  private command(context: string): PipelineCommand {
    const operands: Operand[] = []
    const at = this.peek()!.at
    for (;;) {
      this.skipSpace()
      const token = this.peek()
      if (token === undefined || token.kind === 'close' || token.source === ')') break
      if (token.source === '|') {
        if (operands.length === 0)
          throw this.fail(`unexpected "|" in ${context === 'paren' ? 'parenthesized pipeline' : context}`)
        break
      }
      operands.push(this.operand())
      const after = this.peek()
      if (after !== undefined && !['space', 'close', 'mark'].includes(after.kind))
        throw this.fail(`unexpected ${quoteToken(after)} in operand`)
    }
    const source = this.text.slice(at, this.peek()?.at ?? this.text.length).trim()
    if (this.peek()?.source === '|') this.next += 1
    return { operands, at, source }
  }

  private operand(): Operand {
    const token = this.peek()!
    this.next += 1
    const term = this.term(token)
    const fields = [...term.fields]
    let at = token.at
    while (this.peek()?.kind === 'field') {
      const field = this.peek()!
      if (term.kind === 'literal' || term.kind === 'nil')
        throw this.fail(`unexpected . after term ${JSON.stringify(token.source)}`)
      // Go's errors point to the second field of `.a.b.c`, where its parser turns the field into a chain.
      if (at === token.at) at = field.at
      fields.push(field.source.slice(1))
      this.next += 1
    }
    const last = this.tokens[this.next - 1]!
    return { ...term, at, fields, source: this.text.slice(token.at, last.at + last.source.length) }
  }

  private term(token: TemplateToken): Operand {
    const { at, source } = token
    const base = { at, source, fields: [] }
    switch (token.kind) {
      case 'dot':
        return { ...base, kind: 'dot' }
      case 'field':
        return { ...base, kind: 'dot', fields: [source.slice(1)] }
      case 'variable':
        this.known(source)
        return { ...base, kind: 'variable', name: source }
      case 'word':
        if (source === 'nil') return { ...base, kind: 'nil' }
        if (source === 'true' || source === 'false') return { ...base, kind: 'literal', value: source === 'true' }
        if (!this.functions.has(source)) throw this.fail(`function ${JSON.stringify(source)} not defined`)
        return { ...base, kind: 'function', name: source }
      case 'string':
        return { ...base, kind: 'literal', value: this.unquote(source) }
      case 'character': {
        const text = this.unquote(`"${source.slice(1, -1).replaceAll('"', '\\"')}"`)
        if ([...text].length !== 1) throw this.fail(`malformed character constant: ${source}`)
        return { ...base, kind: 'literal', value: text.codePointAt(0) }
      }
      case 'number':
        return { ...base, kind: 'literal', value: this.number(source) }
      default:
        if (source === '(') return { ...base, kind: 'pipe', pipe: this.pipe('paren', 'paren') }
        throw this.fail(`unexpected ${JSON.stringify(source)} in command`)
    }
  }

  private checkPipe(commands: readonly PipelineCommand[]): void {
    for (const [i, { operands }] of commands.entries()) {
      const first = operands[0]
      if (i > 0 && (first?.kind === 'literal' || first?.kind === 'nil'))
        throw this.fail(`non executable command in pipeline stage ${i + 1}`)
    }
  }

  private unquote(source: string): string {
    if (source.startsWith('`')) return source.slice(1, -1).replaceAll('\r', '')
    const valid = /^(?:[^\\]|\\(?:[abfnrtv\\'"]|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-3][0-7]{2}))*$/
    const body = source.slice(1, -1)
    if (!valid.test(body)) throw this.fail('invalid syntax')
    return body.replace(/\\(?:x(..)|u(....)|U(.{8})|([0-7]{3})|(.))/gs, (_, x, u, U, octal, letter: string) => {
      if (letter !== undefined) return escapes[letter] ?? letter
      return String.fromCodePoint(octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt(x ?? u ?? U, 16))
    })
  }

  private number(source: string): number {
    const sign = source.startsWith('-') ? -1 : 1
    const digits = source.replaceAll('_', '').replace(/^[+-]/, '')
    const octal = /^0[0-7]+$/.test(digits)
    const value = octal ? Number.parseInt(digits, 8) : Number(digits)
    if (Number.isNaN(value)) throw this.fail(`bad number syntax: ${JSON.stringify(source)}`)
    return sign * value
  }

  private known(name: string): void {
    if (!this.variables.includes(name)) throw this.fail(`undefined variable ${JSON.stringify(name)}`)
  }

  private close(word: string): void {
    this.skipSpace()
    const token = this.peek()
    if (token?.kind !== 'close') throw this.fail(`unexpected ${JSON.stringify(token?.source ?? 'EOF')} in ${word}`)
    this.next += 1
  }

  private peek(): TemplateToken | undefined {
    return this.tokens[this.next]
  }

  private skipSpace(): void {
    while (this.peek()?.kind === 'space') this.next += 1
  }

  private fail(what: string): TemplateError {
    const at = this.peek()?.at ?? this.text.length
    return new TemplateError(`template: :${lineOf(this.text, at)}: ${what}`)
  }
}

function quoteToken({ kind, source }: TemplateToken): string {
  return kind === 'dot' ? '<.>' : JSON.stringify(source)
}

const escapes: Readonly<Record<string, string>> = {
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
}
