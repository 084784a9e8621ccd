/**
 * Writes an image's two documents, config and manifest.
 *
 * In: what the plan says of the image, and its layers.  Out: JSON, byte for byte the same for the same input.
 * Not here: making layers, keeping documents, the clock.
 */
export * from './assemble.ts'
