/**
 * tare, the library: container images out of thin air.
 *
 *     const tare = await openTare()
 *     const image = await tare.build({ context: { kind: 'directory', path: '.' }, tags: ['app'] })
 *     await tare.images.save({ names: ['app'], to: { path: 'app.tar' } })
 */

// This is all that a face (cli, server, web) may import, besides the tree of `explorer`.

export type * from './api/index.ts'
export { silent, TareError } from './support/index.ts'
export { openTare } from './verbs/index.ts'
