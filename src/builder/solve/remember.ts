import { createHash } from 'node:crypto'
import type { MadeLayer } from '../../content/layers/index.ts'
import { isDigest } from '../../oci/index.ts'
import type { Tools } from './tools.ts'

// Part of every key: incremented when steps of the same form produce different bytes.
const version = 2

/** Returns a cache key for the parts, which must be plain JSON. */
export function keyOf(...parts: readonly unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify([version, ...parts]))
    .digest('hex')
}

/** Returns the layer that a step with this key made, if it still exists. */
export function recallLayer(tools: Tools, key: string): MadeLayer | undefined {
  return readLayer(tools, tools.store.records.recall('steps', key))
}

/** Returns the last layer made by a step of this form, whatever its files contained; undefined if there is none. */
export function latestLayer(tools: Tools, form: string): MadeLayer | undefined {
  return readLayer(tools, tools.store.records.recall('latest', form))
}

export function rememberLayer(tools: Tools, key: string, form: string, layer: MadeLayer): void {
  const text = JSON.stringify(layer)
  tools.store.records.remember('steps', key, text)
  tools.store.records.remember('latest', form, text)
}

function readLayer(tools: Tools, text: string | undefined): MadeLayer | undefined {
  if (text === undefined) return undefined
  try {
    const { rootTime, ...layer } = JSON.parse(text) as MadeLayer
    if (!isDigest(layer.diffId) || !tools.store.blobs.touch(layer.diffId)) return undefined
    // A truncated one is made again.
    if (tools.store.blobs.size(layer.diffId) !== layer.size) return undefined
    return isTime(rootTime) ? { ...layer, rootTime } : layer
  } catch {
    return undefined
  }
}

function isTime(time: MadeLayer['rootTime']): time is NonNullable<MadeLayer['rootTime']> {
  return typeof time === 'object' && Number.isSafeInteger(time?.mtime) && Number.isSafeInteger(time?.mtimeNs)
}
