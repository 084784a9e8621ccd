/**
 * Writes an image's two documents, config and manifest.
 *
 * In: the plan's description of the image, and its layers.  Out: JSON, byte for byte the same for the same input.
 * Not here: making layers, storing documents, the clock.
 */
export * from './assemble.ts'
