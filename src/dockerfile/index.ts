/**
 * The Dockerfile language: text in, instructions with line numbers out; and the small languages inside it.
 *
 * In: the text of a Dockerfile or a .dockerignore, words with variables in them, what stands in --mount, --chmod, EXPOSE.
 * Out: values that say what is meant, Docker's build checks that need no more than the text, and errors in BuildKit's words.
 * Not here: which value a variable has, which files there are, what an instruction does.
 */
export { type Finding, findings, isWanted, looksSecret, warning } from './checks.ts'
export { type ModeChange, parseChmod } from './chmod.ts'
export { parseCheckOptions } from './directives.ts'
export { formatGoDuration, parseGoDuration } from './duration.ts'
export { type Expansion, expand, expandHeredoc, expandWords } from './expand.ts'
export { type ExposedPorts, parseExpose } from './expose.ts'
export { type GitAddress, isCommitPrefix, isGitAddress, isGitContext, readGitAddress } from './git-address.ts'
export { compilePath, hasWildcard, matchPath, type PathMatcher } from './go-match.ts'
export { type IgnoreMatcher, type IgnoreRule, ignoreMatcher, ignoreRules, parseIgnore } from './ignore.ts'
export { type Script, scriptOf } from './instructions/run.ts'
export type { ExpandOptions, Lookup } from './lexer.ts'
export { mountFrom, parseMount } from './mount.ts'
export { parseDockerfile, parseTrigger } from './parse.ts'
export { parseStopSignal } from './signal.ts'
export { suggest } from './suggest.ts'
export { cleanPath, quote } from './text.ts'
export { titleOf, writtenName } from './title.ts'
export * from './types.ts'
