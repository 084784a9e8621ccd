/**
 * The Dockerfile language: text in, instructions with line numbers out; and the small languages inside it.
 *
 * In: the text of a Dockerfile or a .dockerignore, words with variables in them, what stands in --mount, --chmod, EXPOSE.
 * Out: values that say what is meant, Docker's build checks that need no more than the text, and errors in BuildKit's words.
 * Not here: which value a variable has, which files there are, what an instruction does.
 */
export { type Finding, findings, isWanted, looksSecret, warning } from './checks/index.ts'
export type { ExpandOptions, Lookup } from './expansion/index.ts'
export { type Expansion, expand, expandHeredoc, expandWords } from './expansion/index.ts'
export { type Script, scriptOf } from './instructions/index.ts'
export type * from './language/index.ts'
export { cleanPath, quote, suggest } from './language/index.ts'
export { parseDockerfile, parseTrigger } from './parse.ts'
export { parseCheckOptions } from './syntax/index.ts'
export { titleOf, writtenName } from './title.ts'
export {
  compilePath,
  type ExposedPorts,
  formatGoDuration,
  type GitAddress,
  hasWildcard,
  type IgnoreMatcher,
  type IgnoreRule,
  ignoreMatcher,
  ignoreRules,
  isCommitPrefix,
  isGitAddress,
  isGitContext,
  type ModeChange,
  matchPath,
  mountFrom,
  type PathMatcher,
  parseChmod,
  parseExpose,
  parseGoDuration,
  parseIgnore,
  parseMount,
  parseStopSignal,
  readGitAddress,
} from './values/index.ts'
