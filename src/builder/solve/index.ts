/**
 * Makes a plan happen once: operations → snapshots, and what was made before is remembered.
 *
 * In: a Plan, the store, contexts, a clock.  Out: snapshots, each a stack of layers that lie in the store.
 * Not here: what instructions mean (plan), what an image's documents say (assemble).
 */
export type { RemoteFiles } from './input.ts'
export { solve } from './solve.ts'
export { treeOfDownload } from './steps/download.ts'
export { stackOf } from './steps/run-sources.ts'
export type { Downloaded, RunSettings, Tools } from './tools.ts'
