import type { HistoryLine } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { findImage, layerSizes, nameList, noTime } from '../../images/index.ts'

/** Returns the image's history, newest first. */
export async function history({ store, platform }: Host, name: string): Promise<readonly HistoryLine[]> {
  const image = findImage(store, name, platform)
  const { config, id, names } = image
  const sizes = layerSizes(store, image)
  let layer = 0
  const lines = config.history.map((entry, i): HistoryLine => {
    const size = entry.empty_layer === true ? undefined : sizes[layer++]
    const newest = i === config.history.length - 1
    return {
      id: newest ? id : '<missing>',
      created: entry.created ?? noTime,
      createdBy: entry.created_by ?? '',
      size: size ?? 0,
      comment: entry.comment ?? '',
      tags: newest ? nameList(names) : [],
    }
  })
  return lines.reverse()
}
