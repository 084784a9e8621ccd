/**
 * An engine: a BuildKit on another machine or in a daemon, found by address or name, connected, and asked what it is.
 *
 * In: an address, an environment.  Out: calls to it, a session with it, its kind.
 * Not here: what is built.
 */
export { type EngineAddress, readAddress } from './address.ts'
export { connectEngine, type Engine } from './connect.ts'
export { findEngine } from './find.ts'
export { type EngineFacts, probeEngine } from './probe.ts'
