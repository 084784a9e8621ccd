/**
 * The Dockerfile language: text in, instructions with line numbers out; and the small languages it contains.
 *
 * In: the text of a Dockerfile or .dockerignore, words with variables, the values of --mount, --chmod and EXPOSE.
 * Out: typed values, those of Docker's build checks that need only the text, and errors worded like BuildKit's.
 * Not here: the values of variables, which files exist, what an instruction does.
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
