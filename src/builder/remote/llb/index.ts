/**
 * A plan in BuildKit's language: operations become vertices, each named by the digest of its bytes.
 *
 * In: a plan, what the engine understands, how its sources are offered.  Out: a definition to send, and which vertex is which operation.
 * Not here: sending it, the files.
 */
export { type EngineCapabilities, lackingIn, refuseMissing } from './capabilities.ts'
export { type FoundArchives, middle, modern } from './copy.ts'
export { type Marshalled, type MarshalSettings, marshalPlan, neededFor, type OfferedSource } from './marshal.ts'
