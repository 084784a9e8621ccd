import { contentOf } from '../../files/layer/index.ts'
import type { Content, Directory, Tree } from '../../files/tree/index.ts'
import type { InspectedLayer } from '../image.ts'

/** A file in a layer that the image does not show. */
export interface HiddenFile {
  readonly path: string
  readonly size: number
  /** Index of its layer. */
  readonly layer: number
}

/** The files of the layers that `tree`, their merged filesystem, does not show. */
export function hiddenFiles(layers: readonly InspectedLayer[], tree: Tree): readonly HiddenFile[] {
  const shown = new Set<string>()
  collect(tree.root, shown)
  const hidden: HiddenFile[] = []
  // From the top: of a layer that is there twice, the upper one is seen.
  for (let i = layers.length - 1; i >= 0; i--) {
    const layer = layers[i]!
    for (const entry of layer.index.entries) {
      if (entry.kind !== 'file' || entry.size === 0) continue
      if (!shown.delete(keyOf(contentOf(layer, entry)))) hidden.push({ path: entry.path, size: entry.size, layer: i })
    }
  }
  return hidden
}

function collect(directory: Directory, into: Set<string>): void {
  for (const node of directory.children.values()) {
    if (node.kind === 'directory') collect(node, into)
    else if (node.kind === 'file' && node.size > 0) into.add(keyOf(node.content))
  }
}

// Where its first byte is tells a file from every other.
function keyOf(content: Content): string {
  if (content.kind === 'extent') return `${content.offset} ${content.path}`
  return content.kind === 'sparse' ? `${content.runs[0]?.at ?? '-'} ${content.path}` : '-'
}
