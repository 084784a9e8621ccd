import {
  type CheckOptions,
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
  /** What `# check=` above the instruction says. */
  readonly check?: CheckOptions
}

// All words of a file together, in characters.
const mostText = 64 << 20

/** Expands the words of one Dockerfile, and collects what the build checks find while the plan is made. */
export class Words {
  readonly warnings: Warning[] = []
  private readonly file: Dockerfile
  private expanded = 0

  constructor(file: Dockerfile) {
    this.file = file
  }

  /** The word with its variables' values. `declared` are names that may have none. */
  expand(word: string, variables: ReadonlyMap<string, string>, at: Placed, declared?: ReadonlySet<string>): string {
    return this.located(
      at,
      () => this.checked(expand(word, variables, { escape: this.file.escape }), variables, at, declared).text,
    )
  }

  /** As `expand`, for text of which nothing is warned and nothing is an error: then it stays as it is. */
  expandQuietly(word: string, variables: Lookup): string {
    try {
      return expand(word, variables, { escape: this.file.escape }).text
    } catch {
      return word
    }
  }

  /** As `expand`, and which variables it looked at: those with a value, and those without, for whoever warns of them. */
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

  /** `by` is the instruction whose `# check=` counts, where that is another. */
  warn(finding: Finding, at: Placed, by: Placed = at): void {
    const known = this.warnings.some(
      (other) => other.rule === finding.rule && other.message === finding.message && other.where.line === at.where.line,
    )
    if (!known && isWanted(finding, this.file.check, by.check)) this.warnings.push(warning(finding, at.where))
  }

  /** Names where it happened in whatever `work` throws. */
  located<T>(at: Placed, work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw locate(error, at.where)
    }
  }

  /** Throws where the file's words come to more than a build can do anything with. */
  private counted(expansion: Expansion): Expansion {
    this.expanded += expansion.text.length
    if (this.expanded <= mostText) return expansion
    throw new TareError(
      'DOCKERFILE_EXPANSION',
      `the words of this file are longer than ${mostText} characters in all`,
      {
        remedy: 'Variables that are made of one another may double with every line.',
      },
    )
  }

  private checked(
    expansion: Expansion,
    variables: ReadonlyMap<string, string>,
    at: Placed,
    declared?: ReadonlySet<string>,
  ): Expansion {
    this.counted(expansion)
    // BuildKit warns of names with a default in their form as well.
    for (const name of [...expansion.unset, ...expansion.defaulted]) {
      if (declared?.has(name) !== true)
        this.warn(findings.undefinedVar(name, closest(name, [...variables.keys(), ...(declared ?? [])])), at)
    }
    return expansion
  }
}
