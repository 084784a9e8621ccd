/**
 * An image as one walks through it, in the browser and on a terminal: its tree and sizes, what layers changed, what is found.
 *
 * In: the columns of `images.contents`.  Out: marks, sums and rows, as numbers of paths.
 * Not here: how it is drawn and which keys there are. The page has this room in its bundle, so that it imports nothing but types.
 */
export { compareViews } from './compare.ts'
export { findPattern, findWords, type Matches } from './find.ts'
export { absent, added, changed, type Mark, marks, removed, rewritten, same } from './marks.ts'
export { changesOf, type ExploredImage, type LayerTally, type Model, modelOf, tallyLayers } from './model.ts'
export { type Filter, type Order, rowsOf, shownPaths } from './rows.ts'
export { childrenOf, findPath, pathOf, type Tree, trailOf } from './tree.ts'
export { isCounted, isDirectory, layerOf, type Span, type View, viewOf } from './view.ts'
