import type { LayerTable } from '../../files/layer/index.ts'

/** A file in a layer that the image does not show. */
export interface HiddenFile {
  readonly path: string
  readonly size: number
  /** Index of its layer. */
  readonly layer: number
}

/** Lists the files with contents that an image does not show. `visible` has the numbers of the entries that it does. */
export function hiddenFiles(tables: readonly LayerTable[], visible: ReadonlySet<number>): readonly HiddenFile[] {
  const hidden: HiddenFile[] = []
  let first = 0
  for (const [layer, table] of tables.entries()) {
    const { size } = table.columns
    for (let i = 0; i < table.count; i++)
      if (table.kind(i) === 'file' && size[i]! > 0 && !visible.has(first + i))
        hidden.push({ path: table.path(i), size: size[i]!, layer })
    first += table.count
  }
  return hidden
}
