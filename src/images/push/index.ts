/**
 * Sends images to a registry or another transport.
 *
 * In: an image of the store or an opened one, and a target.  Out: what the target has then. Blobs go first, names last.
 * Not here: HTTP (content/registry).
 */

export { type CopyTarget, openTarget, uploading } from './copy-target.ts'
export { pushDocument } from './push-document.ts'
export { pushLayer } from './push-layer.ts'
export { putIndex } from './put-index.ts'
