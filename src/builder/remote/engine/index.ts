/**
 * An engine: a BuildKit on another machine or in a daemon, found by address or name, connected, and asked what it is.
 *
 * In: an address, an environment.  Out: calls to it, a session with it, its kind.
 * Not here: what is built.
 */
export { type EngineAddress, readAddress } from './address.ts'
export type { Engine } from './connect.ts'
export { type EngineReport, examineEngine } from './examine.ts'
export { type Builder, type BuilderChoice, configuredEngines, findBuilders, type NamedEngine } from './find.ts'
export { type Connected, EngineLink, type FactsMemory } from './link.ts'
export { type EngineFacts, isAlike } from './probe.ts'
