import { Snapshots } from '../build/solve/index.ts'
import { contentSize } from '../files/layer/index.ts'
import type { Host } from './host.ts'
import { nameList, noTime } from './images.ts'
import { findImage } from './stored-image.ts'
import type { HistoryLine } from './types.ts'

/** How the image came to be, newest first. */
export async function history({ store, platform }: Host, name: string): Promise<readonly HistoryLine[]> {
  const { config, id, names } = findImage(store, name, platform)
  const snapshots = new Snapshots(store)
  let layer = 0
  const lines = config.history.map((entry, i): HistoryLine => {
    const diffId = entry.empty_layer === true ? undefined : config.diffIds[layer++]
    const newest = i === config.history.length - 1
    return {
      id: newest ? id : '<missing>',
      created: entry.created ?? noTime,
      createdBy: entry.created_by ?? '',
      size: diffId === undefined || !store.blobs.has(diffId) ? 0 : contentSize(snapshots.atRest(diffId).index),
      comment: entry.comment ?? '',
      tags: newest ? nameList(names) : [],
    }
  })
  return lines.reverse()
}
