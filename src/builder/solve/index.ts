/**
 * Executes a plan, at most once per step: operations → snapshots; earlier results are reused.
 *
 * In: a Plan, the store, contexts, a clock.  Out: snapshots, each a stack of layers in the store.
 * Not here: the meaning of instructions (plan), the image's documents (assemble).
 */

export { archiveFormat, hasUnlistedParents } from './copy/opened-archive.ts'
export { splitAtPivot } from './copy/pick-parents.ts'
export { requireSource } from './copy/require-source.ts'
export { forOthers } from './explain/for-others.ts'
export { type Recipe, readRecipe, recallRecipe } from './explain/recipe.ts'
export type { Input, RemoteFiles } from './input.ts'
export { type SharedStep, type SharedSteps, type StepRecord, UnusableResult } from './shared-steps.ts'
export { refuseForeignRuns, runArchitectures, solve } from './solve.ts'
export { squash } from './squash.ts'
export { treeOfDownload } from './steps/download.ts'
export { Mask } from './steps/mask.ts'
export { stackOf } from './steps/run-sources.ts'
export type { Downloaded, Elsewhere, RunSettings, Tools } from './tools.ts'
