/**
 * The tree of an image as somebody walks through it: what layers changed, what is shown of it, what is found.
 *
 * In: the columns of `images.contents`.  Out: marks, sums and rows, as numbers of paths.
 * Not here: how it is drawn and which keys there are.
 */
export { findPaths } from './find-paths.ts'
export { directory, type Mark, marks } from './marks.ts'
export { outlineOf, type PathOutline, pathOf } from './outline.ts'
export { type RowOptions, rowsOf } from './rows.ts'
export { type Span, type TreeView, viewTree } from './view.ts'
