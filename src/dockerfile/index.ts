/**
 * The Dockerfile language: text in, instructions with line numbers out; and the small languages inside it.
 *
 * In: the text of a Dockerfile or a .dockerignore, words with variables in them, what stands in --mount, --chmod, EXPOSE.
 * Out: values that say what is meant, Docker's build checks that need no more than the text, and errors in BuildKit's words.
 * Not here: which value a variable has, which files there are, what an instruction does.
 */
export { type Finding, findings, isWanted, looksSecret, warning } from './checks/checks.ts'
export { type Expansion, expand, expandHeredoc, expandWords } from './expansion/expand.ts'
export type { ExpandOptions, Lookup } from './expansion/lexer.ts'
export { type Script, scriptOf } from './instructions/run.ts'
export { parseDockerfile, parseTrigger } from './parse.ts'
export { suggest } from './suggest.ts'
export { parseCheckOptions } from './syntax/directives.ts'
export { cleanPath, quote } from './text.ts'
export { titleOf, writtenName } from './title.ts'
export * from './types.ts'
export { type ModeChange, parseChmod } from './values/chmod.ts'
export { formatGoDuration, parseGoDuration } from './values/duration.ts'
export { type ExposedPorts, parseExpose } from './values/expose.ts'
export { type GitAddress, isCommitPrefix, isGitAddress, isGitContext, readGitAddress } from './values/git-address.ts'
export { compilePath, hasWildcard, matchPath, type PathMatcher } from './values/go-match.ts'
export { type IgnoreMatcher, type IgnoreRule, ignoreMatcher, ignoreRules, parseIgnore } from './values/ignore.ts'
export { mountFrom, parseMount } from './values/mount.ts'
export { parseStopSignal } from './values/signal.ts'
