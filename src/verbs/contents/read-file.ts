import type { FileOptions } from '../../api/index.ts'
import { tableOf } from '../../files/layer/index.ts'
import { type OpenedContents, openContents } from '../../images/contents/index.ts'
import type { Host } from '../../images/index.ts'
import { FlatFilesystem, findFile, layerAt } from '../../inspection/index.ts'
import { type Bytes, TareError } from '../../support/index.ts'

/** The bytes of a file of an image. Throws `FILE_UNKNOWN`, and `FILE_NOT_REGULAR` for a directory and the like. */
export async function* readFile(host: Host, options: FileOptions): Bytes {
  const image = await openContents(host, options.image, { ...options, contents: true })
  try {
    const { layer, i } = options.layer === undefined ? inFilesystem(image, options) : inLayer(image, options)
    yield* image.readEntry(layer, tableOf(image.layers[layer]!.index).entry(i))
  } finally {
    await image.close()
  }
}

function inFilesystem(image: OpenedContents, { path }: FileOptions): { readonly layer: number; readonly i: number } {
  const flat = FlatFilesystem.of(image.layers)
  const { node, path: found } = findFile(image, flat, path)
  if (typeof node === 'object' || flat.kindOf(node) !== 'file') throw notRegular(image.name, found, flat.kindOf(node))
  return flat.locate(node)
}

/** The last entry of that path in the layer, or the one that it is a hard link to. */
function inLayer(image: OpenedContents, options: FileOptions): { readonly layer: number; readonly i: number } {
  const layer = layerAt(image, options.layer!)
  const table = tableOf(image.layers[layer]!.index)
  let wanted = options.path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
  for (let i = table.count - 1; i >= 0; i--) {
    if (table.path(i) !== wanted) continue
    const kind = table.kind(i)
    if (kind === 'file') return { layer, i }
    // It names one before it.
    if (kind !== 'hardlink') throw notRegular(`layer ${layer + 1} of ${image.name}`, wanted, kind)
    wanted = table.link(i) ?? ''
  }
  throw new TareError('FILE_UNKNOWN', `layer ${layer + 1} of ${image.name} has no /${wanted}`, {
    remedy: '`tare image why` tells which layers have it.',
  })
}

const words: Readonly<Record<string, string>> = {
  ...{ directory: 'a directory', symlink: 'a symbolic link', fifo: 'a named pipe', char: 'a character device' },
  ...{ block: 'a block device', remove: 'removed there', hide: 'a directory' },
}

function notRegular(image: string, path: string, kind: string): TareError {
  return new TareError('FILE_NOT_REGULAR', `/${path} in ${image} is ${words[kind] ?? kind}, and no file to read`, {
    remedy: 'List a directory with `tare image files`, or copy it with `tare cp`.',
  })
}
