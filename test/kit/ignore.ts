import { ignoreMatcher, parseIgnore } from '../../src/dockerfile/index.ts'
import type { Ignore } from '../../src/files/context/index.ts'

/** What a .dockerignore of these lines leaves out. */
export function ignoreOf(...lines: readonly string[]): Ignore {
  const matcher = ignoreMatcher(parseIgnore(lines.join('\n')))
  return {
    file: '.dockerignore',
    ignored: (path) => matcher.ignored(path),
    mayReinclude: (directory) => matcher.mayReinclude(directory),
    why: (path) => {
      const rule = matcher.ignored(path) ? matcher.why(path) : undefined
      return rule === undefined ? undefined : { line: rule.line, pattern: rule.text }
    },
  }
}
