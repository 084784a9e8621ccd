/**
 * A plan made by a BuildKit elsewhere: another way from a plan to snapshots, beside solve.
 *
 * In: a plan, an engine, what the build is given.  Out: snapshots whose new layers are in the store, verified.
 * Not here: the engine's address, the image's documents.
 */
export { type AskedEngine, askEngines } from './ask-engines.ts'
export type { RemoteCache } from './caches.ts'
export { daemonOf, type LoadingDaemon } from './daemon/load-image.ts'
export {
  type Builder,
  configuredEngines,
  type EngineAddress,
  EngineLink,
  type FactsMemory,
  findBuilders,
} from './engine/index.ts'
export { RemoteBuilder } from './remote-builder.ts'
export type { EnginePush } from './results/pushed-by-engine.ts'
export { inlineMember } from './results/result.ts'
export type { RemoteTools } from './tools.ts'
