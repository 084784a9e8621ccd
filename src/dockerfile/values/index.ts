/**
 * The small languages inside instructions: modes, durations, ports, mounts, addresses of git, patterns of paths, .dockerignore.
 *
 * In: the text of one value.  Out: what it says; errors in BuildKit's words.
 * Not here: where the value stands.
 */
export { type ModeChange, parseChmod } from './chmod.ts'
export { readCsvFields } from './csv.ts'
export { formatGoDuration, parseGoDuration } from './duration.ts'
export { type ExposedPorts, parseExpose } from './expose.ts'
export { type GitAddress, isCommitPrefix, isGitAddress, isGitContext, readGitAddress } from './git-address.ts'
export { compilePath, hasWildcard, matchPath, type PathMatcher } from './go-match.ts'
export { type IgnoreMatcher, type IgnoreRule, ignoreMatcher, ignoreRules, parseIgnore } from './ignore.ts'
export { checkMountSyntax, mountFrom, parseMount } from './mount.ts'
export { parseStopSignal } from './signal.ts'
