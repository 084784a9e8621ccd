import type { ListedFile, ListFilesOptions } from '../../api/index.ts'
import { tableOf } from '../../files/layer/index.ts'
import { closest, TareError } from '../../support/index.ts'
import { unknownLayer } from '../diff/layer-range.ts'
import type { InspectedImage } from '../image.ts'
import { FlatFilesystem, type FoundNode } from './flat.ts'
import { FlatDirectory, type FlatNode } from './flat-directory.ts'
import { impliedDirectory, listedFile } from './listed-file.ts'

/** Lists what is in an image, directories before their contents. Throws `FILE_UNKNOWN`, `LAYER_UNKNOWN`. */
export function listFiles(image: InspectedImage, options: ListFilesOptions = {}): readonly ListedFile[] {
  const { path = '/', layer, depth = Number.POSITIVE_INFINITY } = options
  if (layer !== undefined) return listLayer(image, layerAt(image, layer), path, depth)
  const flat = FlatFilesystem.of(image.layers)
  const found = findFile(image, flat, path)
  if (typeof found.node !== 'object') return [describe(flat, found.path, found.node)]
  const prefix = found.path === '' ? '' : `${found.path}/`
  const totals = options.totals === true ? totalsOf(flat, found.node) : undefined
  return [...flat.walk(found.node, prefix, depth)].map(([path, node]) => {
    const total = typeof node === 'object' ? totals?.get(node) : undefined
    return total === undefined ? describe(flat, path, node) : { ...describe(flat, path, node), total }
  })
}

/**
 * Returns the total size of files below each directory. A file with several names counts once in each directory with one of them.
 */
function totalsOf(flat: FlatFilesystem, root: FlatDirectory): ReadonlyMap<FlatDirectory, number> {
  const totals = new Map<FlatDirectory, number>()
  const linked = new Map<FlatDirectory, Set<number>>()
  const add = (directory: FlatDirectory): number => {
    let total = 0
    const links = new Set<number>()
    directory.forEachNode((node) => {
      if (typeof node === 'object') {
        total += add(node)
        for (const id of linked.get(node) ?? []) {
          if (links.has(id)) total -= flat.sizeOf(id)
          links.add(id)
        }
      } else if (!flat.linked.has(node)) total += flat.sizeOf(node)
      else if (!links.has(node)) {
        links.add(node)
        total += flat.sizeOf(node)
      }
    })
    totals.set(directory, total)
    if (links.size > 0) linked.set(directory, links)
    return total
  }
  add(root)
  return totals
}

/** Describes a file of the image. */
export function describe(flat: FlatFilesystem, path: string, node: FlatNode): ListedFile {
  const id = node instanceof FlatDirectory ? node.id : node
  if (id < 0) return impliedDirectory(path)
  const { layer, table, i } = flat.locate(id)
  return listedFile(path, table.entry(i), layer)
}

/** Returns the index of a layer given by number. Throws `LAYER_UNKNOWN`. */
export function layerAt({ name, layers }: InspectedImage, layer: number): number {
  if (Number.isInteger(layer) && layer >= 1 && layer <= layers.length) return layer - 1
  throw unknownLayer(name, layer, layers.length)
}

/** Returns the file at a path. Throws `FILE_UNKNOWN`. */
export function findFile(
  { name }: InspectedImage,
  flat: FlatFilesystem,
  path: string,
  options: { readonly follow?: boolean } = {},
): Omit<FoundNode, 'node'> & { readonly node: FlatNode } {
  const { node, path: found } = flat.find(path, options)
  if (node !== undefined) return { node, path: found }
  const slash = found.lastIndexOf('/') + 1
  const parent = flat.find(found.slice(0, slash)).node
  const meant = typeof parent === 'object' ? closest(found.slice(slash), parent.children.keys()) : undefined
  const asked = `/${path.replace(/^\/+/, '')}`
  throw new TareError(
    'FILE_UNKNOWN',
    `${name} has no ${asked}${found === asked.slice(1) ? '' : `, which is /${found}`}`,
    {
      remedy:
        meant === undefined
          ? '`tare image files` lists what it has.'
          : `Did you mean /${found.slice(0, slash)}${meant}?`,
    },
  )
}

function listLayer(image: InspectedImage, layer: number, path: string, depth: number): readonly ListedFile[] {
  const table = tableOf(image.layers[layer]!.index)
  const wanted = path.split('/').filter((part) => part !== '' && part !== '.')
  const prefix = wanted.length === 0 ? '' : `${wanted.join('/')}/`
  const files: ListedFile[] = []
  for (let i = 0; i < table.count; i++) {
    if (table.kind(i) === 'touch') continue
    const own = table.path(i)
    const isBelow = own.startsWith(prefix) && own.slice(prefix.length).split('/', depth + 1).length <= depth
    if (isBelow || own === prefix.slice(0, -1)) files.push(listedFile(own, table.entry(i), layer))
  }
  if (files.length > 0 || prefix === '') return files
  throw new TareError('FILE_UNKNOWN', `layer ${layer + 1} of ${image.name} has no /${prefix.slice(0, -1)}`, {
    remedy: '`tare image why` tells which layers have it.',
  })
}
