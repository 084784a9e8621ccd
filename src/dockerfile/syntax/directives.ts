import type { TareError } from '../../support/index.ts'
import type { CheckDirective } from '../language/index.ts'
import { cut, parseBoolean, quote, refusal, trim, trimStart } from '../language/index.ts'

/** `# escape=`, `# syntax=` and `# check=`: comments with a meaning at the very top of the file. */
export interface Directives {
  readonly escape: '\\' | '`'
  readonly syntax?: string
  readonly check: CheckDirective
}

export const noCheckOptions: CheckDirective = { skip: [], skipAll: false, error: false, experimental: [] }

type DirectiveName = 'escape' | 'syntax' | 'check'

const directive = /^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/

/** Reads directives line by line up to the first line that is not one; `read` returns whether a line was. */
export class DirectiveReader {
  #directives: Directives = { escape: '\\', check: noCheckOptions }
  readonly #seen = new Set<DirectiveName>()
  #first = true
  #shebang = false
  #done = false

  get directives(): Directives {
    return this.#directives
  }

  read(line: string): boolean {
    if (this.#done) return false
    if (this.#first && line.startsWith('#!')) this.#shebang = true
    const isShebang = this.#first && this.#shebang
    this.#first = false
    if (isShebang) return true
    const found = line.startsWith('#') ? readDirective(line.slice(1)) : undefined
    // BuildKit looks for syntax and check below a shebang line, but not for escape.
    if (found === undefined || (found.name === 'escape' && this.#shebang)) {
      this.#done = true
      return false
    }
    if (this.#seen.has(found.name)) {
      throw refusal('DOCKERFILE_DIRECTIVE', `only one ${found.name} parser directive can be used`)
    }
    this.#seen.add(found.name)
    this.#directives = { ...this.#directives, ...meaningOf(found) }
    return true
  }
}

function readDirective(comment: string): { name: DirectiveName; value: string } | undefined {
  const match = directive.exec(trimStart(comment))
  const name = match?.[1]?.toLowerCase()
  if (name !== 'escape' && name !== 'syntax' && name !== 'check') return undefined
  return { name, value: match![2]! }
}

function meaningOf({ name, value }: { name: DirectiveName; value: string }): Partial<Directives> {
  // Only the first word counts, but an escape character has to be the whole value.
  const [word] = cut(value, ' ')
  if (name === 'syntax') return { syntax: word }
  if (name === 'check') return { check: parseCheckOptions(word) }
  if (value !== '\\' && value !== '`') throw badEscape(value)
  return { escape: value }
}

function badEscape(value: string): TareError {
  return refusal('DOCKERFILE_DIRECTIVE', `invalid escape token '${value}' does not match \` or \\`)
}

/** Returns the `# check=…` among the comments directly above an instruction. The first one counts; an invalid one is ignored. */
export function checkOptionsAbove(comments: readonly string[]): CheckDirective | undefined {
  for (const comment of comments) {
    const found = readDirective(comment)
    if (found?.name !== 'check') continue
    try {
      return parseCheckOptions(cut(found.value, ' ')[0])
    } catch {
      return undefined
    }
  }
  return undefined
}

/** Parses `skip=A,B;error=true;experimental=all`, as in `# check=` and BUILDKIT_DOCKERFILE_CHECK. Throws DOCKERFILE_DIRECTIVE. */
export function parseCheckOptions(text: string): CheckDirective {
  if (trim(text) === '') return noCheckOptions
  let options = noCheckOptions
  for (const part of trim(text).split(';')) {
    const [key, setting, found] = cut(part, '=')
    const name = trim(key)
    const value = trim(setting)
    const list = value.split(',').map(trim)
    if (!found) throw badCheck(`invalid check option ${quote(part)}`)
    if (name === 'skip') options = value === 'all' ? { ...options, skipAll: true } : { ...options, skip: list }
    else if (name === 'experimental') options = { ...options, experimental: list }
    else if (name !== 'error') throw badCheck(`invalid check option ${quote(name)}`)
    else {
      const error = parseBoolean(value)
      if (error === undefined) {
        const cause = `strconv.ParseBool: parsing ${quote(value)}: invalid syntax`
        throw badCheck(`failed to parse check option ${quote(part)}: ${cause}`)
      }
      options = { ...options, error }
    }
  }
  return options
}

function badCheck(message: string): TareError {
  return refusal(
    'DOCKERFILE_DIRECTIVE',
    `failed to parse check options: ${message}`,
    'The syntax is # check=skip=RuleA,RuleB;error=true',
  )
}
