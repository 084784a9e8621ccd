import { TareError } from '../../support/index.ts'
import { indexOf } from './index-codec.ts'
import type { LayerTable } from './layer-table.ts'
import { mergeLayers } from './merge.ts'

/**
 * Throws `LAYER_INVALID` for a hard link to anything but a file before it in the same layer, `what` naming the layer. A layer is
 * unpacked into a directory of its own (by Docker, containerd and here), where a file of a lower layer cannot be linked to.
 */
export function checkHardLinks(table: LayerTable, what: string): void {
  const targets = new Set<string>()
  for (const [i, { link }] of table.rest) if (table.kind(i) === 'hardlink') targets.add(link ?? '')
  if (targets.size === 0) return
  const files = new Set<string>()
  for (let i = 0; i < table.count; i++) {
    const kind = table.kind(i)
    if (kind === 'remove' || kind === 'hide') continue
    const path = table.path(i)
    const link = table.link(i)
    if (kind === 'hardlink' && !files.has(link ?? '')) {
      followed(table, what, `"${path}" to "${link}"`)
      return
    }
    if (!targets.has(path)) continue
    if (kind === 'directory' || kind === 'touch') files.delete(path)
    else files.add(path)
  }
}

/** A target may be named through a symlink of the same layer: then the layer alone, as a filesystem, decides. */
function followed(table: LayerTable, what: string, link: string): void {
  try {
    mergeLayers([{ index: indexOf({ diffId: 'sha256:', size: 0 }, table), path: '' }])
  } catch (cause) {
    throw new TareError(
      'LAYER_INVALID',
      `${what} has a hard link ${link}, which is not a file before it in the same layer`,
      {
        cause,
        remedy: 'Docker refuses such a layer, too. Build the image again.',
      },
    )
  }
}
