/**
 * What one build is given: contexts, bases, secrets, SSH agents, settings of RUN; and the search for leaks of secrets.
 *
 * In: a Host and build options.  Out: what plan and solve ask for, opened when it is first needed, closed with the build.
 * Not here: what instructions mean (plan), how they happen (solve).
 */
export { Agents } from './agents.ts'
export { readNamedContexts } from './base-image.ts'
export { asStep, BuildBases } from './bases.ts'
export { BuildContexts } from './contexts.ts'
export { download } from './download.ts'
export type { Needle } from './find-leaks.ts'
export { sandboxOf } from './open-sandbox.ts'
export { type ImageLeak, type ImageParts, leakPolicy, leakWarning, needlesOf, searchImage } from './refuse-leaks.ts'
export { mountsOf } from './run-mounts.ts'
export { readHost, readLimit, runSettings } from './run-settings.ts'
export { runStorage } from './run-storage.ts'
export { readSecret, type Secret } from './secrets.ts'
