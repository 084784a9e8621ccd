import { TareError } from '../../support/index.ts'
import type { LayerIndex } from './layer-index.ts'
import { mergeLayers } from './merge.ts'

/**
 * Throws `LAYER_INVALID` for a hard link to anything but a file before it in the same layer, `what` naming the layer. A layer is
 * unpacked into a directory of its own (by Docker, containerd and here), where a file of a lower layer cannot be linked to.
 */
export function checkHardLinks(index: LayerIndex, what: string): void {
  const targets = new Set<string>()
  for (const { kind, link } of index.entries) if (kind === 'hardlink') targets.add(link ?? '')
  if (targets.size === 0) return
  const files = new Set<string>()
  for (const { kind, path, link } of index.entries) {
    if (kind === 'remove' || kind === 'hide') continue
    if (kind === 'hardlink' && !files.has(link ?? '')) {
      followed(index, what, `"${path}" to "${link}"`)
      return
    }
    if (!targets.has(path)) continue
    if (kind === 'directory' || kind === 'touch') files.delete(path)
    else files.add(path)
  }
}

/** A target may be named through a symlink of the same layer: then the layer alone, as a filesystem, decides. */
function followed(index: LayerIndex, what: string, link: string): void {
  try {
    mergeLayers([{ index, path: '' }])
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
