import {
  type CheckDirective,
  type Dockerfile,
  type Expansion,
  expand,
  expandHeredoc,
  type Finding,
  findings,
  type Heredoc,
  isWanted,
  type Lookup,
  type Warning,
  warning,
} from '../../dockerfile/index.ts'
import { closest, locate, type SourceRange, TareError } from '../../support/index.ts'

interface Placed {
  readonly where: SourceRange
  /** From `# check=` above the instruction. */
  readonly check?: CheckDirective
}

// Limit for all words of a file together, in characters.
const mostText = 64 << 20

/** Expands the words of a Dockerfile, and collects findings of the build checks while planning. */
export class WordExpander {
  readonly warnings: Warning[] = []
  private readonly file: Dockerfile
  private expanded = 0

  constructor(file: Dockerfile) {
    this.file = file
  }

  /** Expands variables in a word. `declared` lists names that may be without a value. */
  expand(word: string, variables: ReadonlyMap<string, string>, at: Placed, declared?: ReadonlySet<string>): string {
    return this.located(
      at,
      () => this.checked(expand(word, variables, { escape: this.file.escape }), variables, at, declared).text,
    )
  }

  /** Like `expand`, but without warnings and errors: text that cannot be expanded stays as it is. */
  expandQuietly(word: string, variables: Lookup): string {
    try {
      return expand(word, variables, { escape: this.file.escape }).text
    } catch {
      return word
    }
  }

  /** Like `expand`; also returns the variables used, with and without a value, for callers that warn themselves. */
  look(word: string, variables: Lookup): { text: string; used: readonly string[]; missing: readonly string[] } {
    const { text, used, unset, defaulted } = expand(word, variables, { escape: this.file.escape })
    return { text, used, missing: [...new Set([...unset, ...defaulted])] }
  }

  expandWords(word: string, variables: ReadonlyMap<string, string>, at: Placed): readonly string[] {
    return this.located(at, () => this.counted(expand(word, variables, { escape: this.file.escape })).words)
  }

  expandHeredoc(
    heredoc: Heredoc,
    variables: ReadonlyMap<string, string>,
    at: Placed,
    declared: ReadonlySet<string>,
  ): string {
    if (!heredoc.expand) return heredoc.body
    return this.located(at, () => this.checked(expandHeredoc(heredoc, variables), variables, at, declared).text)
  }

  /** `by` is the instruction whose `# check=` applies, if it is another one. */
  warn(finding: Finding, at: Placed, by: Placed = at): void {
    const known = this.warnings.some(
      (other) => other.rule === finding.rule && other.message === finding.message && other.where.line === at.where.line,
    )
    if (!known && isWanted(finding, this.file.check, by.check)) this.warnings.push(warning(finding, at.where))
  }

  /** Adds the location to whatever `work` throws. */
  located<T>(at: Placed, work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw locate(error, at.where)
    }
  }

  /** Throws if the file's words exceed what a build could process. */
  private counted(expansion: Expansion): Expansion {
    this.expanded += expansion.text.length
    if (this.expanded <= mostText) return expansion
    throw new TareError('DOCKERFILE_EXPANSION', `the words of this file exceed ${mostText} characters in total`, {
      remedy: 'Variables defined in terms of each other can double with every line.',
    })
  }

  private checked(
    expansion: Expansion,
    variables: ReadonlyMap<string, string>,
    at: Placed,
    declared?: ReadonlySet<string>,
  ): Expansion {
    this.counted(expansion)
    // BuildKit also warns of names used in a form with a default.
    for (const name of [...expansion.unset, ...expansion.defaulted]) {
      if (declared?.has(name) !== true)
        this.warn(findings.undefinedVar(name, closest(name, [...variables.keys(), ...(declared ?? [])])), at)
    }
    return expansion
  }
}
