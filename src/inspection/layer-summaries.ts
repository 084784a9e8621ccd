import type { LayerSummary } from '../api/index.ts'
import { contentSize, tableOf } from '../files/layer/index.ts'
import { isPlainLayer } from '../oci/index.ts'
import type { InspectedImage } from './image.ts'

/** Returns an image's layers, lowest first. */
export function summarizeLayers({ layers }: InspectedImage): readonly LayerSummary[] {
  return layers.map(({ index, blob, createdBy, created }, i) => {
    const counts = { files: 0, directories: 0, removed: 0 }
    const table = tableOf(index)
    for (let entry = 0; entry < table.count; entry++) {
      const kind = table.kind(entry)
      if (kind === 'directory') counts.directories += 1
      else if (kind === 'remove' || kind === 'hide') counts.removed += 1
      else if (kind !== 'touch') counts.files += 1
    }
    return {
      ...{ number: i + 1, diffId: index.diffId, digest: blob.digest, mediaType: blob.mediaType, size: blob.size },
      ...{ uncompressedSize: index.size, contentSize: contentSize(index), isCompressed: !isPlainLayer(blob) },
      ...counts,
      ...(createdBy === undefined ? {} : { createdBy }),
      ...(created === undefined ? {} : { created }),
    }
  })
}
