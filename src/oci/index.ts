/**
 * The nouns of the image and distribution specs, parsed and checked.
 *
 * In: text and JSON from anywhere.  Out: readonly values, and the JSON that Go would write for them.
 * Not here: layer contents, the disk, the network.
 */
export * from './config.ts'
export { type ContainerConfig, defaultPath, type Healthcheck, type HistoryEntry } from './config-members.ts'
export * from './descriptor.ts'
export * from './digest.ts'
export * from './document.ts'
export * from './image-kind.ts'
export * from './index-entries.ts'
export * from './json.ts'
export * from './manifest.ts'
export * from './media-types.ts'
export * from './nested-indexes.ts'
export * from './platform.ts'
export * from './reference.ts'
