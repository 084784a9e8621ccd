/**
 * What is in an image: listed, compared, weighed and checked.
 *
 * In: images with their layers' indexes.  Out: plain values, for a table, for JSON or for a page.
 * Not here: where images come from (images/contents), what a table looks like (cli).
 */
export type { InspectedImage, InspectedLayer } from './image.ts'
export { findPackages } from './packages/find-packages.ts'
export type * from './packages/package.ts'
