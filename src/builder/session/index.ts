/**
 * What a build is given: contexts, bases, secrets, SSH agents, settings for RUN; and the search for leaked secrets.
 *
 * In: a Host and build options.  Out: what plan and solve need, opened on first use, closed with the build.
 * Not here: the meaning of instructions (plan), their execution (solve).
 */

export { Agents } from './agents.ts'
export { readNamedContexts } from './base-image.ts'
export { asStep, BuildBases } from './bases.ts'
export { BuildContexts } from './contexts.ts'
export { download } from './download.ts'
export type { Needle } from './find-leaks.ts'
export { imageUrl, Materials } from './materials.ts'
export { noRealProc, sandboxOf } from './open-sandbox.ts'
export { readPushed } from './pushed-image.ts'
export { type ImageLeak, type ImageParts, leakPolicy, leakWarning, needlesOf, searchImage } from './refuse-leaks.ts'
export { RegistryLogins } from './registry-logins.ts'
export { mountsOf } from './run-mounts.ts'
export { readHost, readLimit, runSettings } from './run-settings.ts'
export { runStorage } from './run-storage.ts'
export { type ReadSecret, readSecret, sharedKey } from './secrets.ts'
