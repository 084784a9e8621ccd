/**
 * Images made of others without a build: layers added, config changed, another base, one layer of all.
 *
 * In: an image in any place, and what is to change of it.  Out: the result in the store, a registry or a layout; of an index,
 * platform by platform. Only flattening reads layers.
 * Not here: steps and Dockerfiles.
 */
export { type AppendedLayers, appended, appending } from './append.ts'
export { changeConfig } from './change-config.ts'
export type { Edit, Edited, ImageToEdit } from './edit-documents.ts'
export { editImage } from './edit-image.ts'
export { flattening } from './flatten.ts'
export { rebasing } from './rebase.ts'
