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
// With more to compare, names that are missing have no suggestion: it would take minutes.
const mostCompared = 1_000_000

/** Expands the words of a Dockerfile, and collects findings of the build checks while planning. */
export class WordExpander {
  readonly warnings: Warning[] = []
  private readonly file: Dockerfile
  private readonly warned = new Set<string>()
  private expanded = 0
  private compared = 0

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
    const key = `${at.where.line} ${finding.rule} ${finding.message}`
    if (this.warned.has(key) || !isWanted(finding, this.file.check, by.check)) return
    this.warned.add(key)
    this.warnings.push(warning(finding, at.where))
  }

  /** Returns the known name that a missing one was probably meant to be. */
  meant(missing: string, ...known: readonly (ReadonlySet<string> | ReadonlyMap<string, string>)[]): string | undefined {
    for (const { size } of known) this.compared += size
    if (this.compared > mostCompared) return undefined
    return closest(
      missing,
      known.flatMap((names) => [...names.keys()]),
    )
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
        this.warn(findings.undefinedVar(name, this.meant(name, variables, declared ?? new Set())), at)
    }
    return expansion
  }
}
