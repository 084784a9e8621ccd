import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ComparedFile, ComparedImages, FileDiffOptions, ImageDiff, ImageDiffOptions } from '../../api/index.ts'
import { tableOf } from '../../files/layer/index.ts'
import type { Node } from '../../files/tree/index.ts'
import {
  makeEmptyFolder,
  type OpenedContents,
  openContents,
  rememberDigests,
  saveFiles,
} from '../../images/contents/index.ts'
import type { Host } from '../../images/index.ts'
import {
  type Comparand,
  compareImages,
  comparePackages,
  findPackages,
  hasPackageFile,
  type InspectedLayer,
  ignorable,
  isPackageFile,
  packageFilesOf,
  parseLayerRange,
  selectLayers,
  semantic,
  treeOfLayers,
  unifiedDiff,
} from '../../inspection/index.ts'
import { collect, decodeName, TareError } from '../../support/index.ts'

/** Compares two images. */
export async function diff(host: Host, options: ImageDiffOptions): Promise<ImageDiff> {
  const { reportFolder, byLayer = false, collapse = false, signal } = options
  const ignore = [...(options.ignore ?? []), ...(options.semantic === true ? semantic : [])]
  const unknown = ignore.find((kind) => !Object.hasOwn(ignorable, kind))
  if (unknown !== undefined)
    throw new TareError('OPTION_INVALID', `${JSON.stringify(unknown)} is nothing that can be ignored`, {
      remedy: `These are: ${Object.keys(ignorable).join(', ')}.`,
    })
  const undo = reportFolder === undefined ? undefined : await makeEmptyFolder(reportFolder)
  try {
    return await withBoth(host, options, async (a, b) => {
      const unpack = async (layers: readonly InspectedLayer[]) => {
        for (const { image } of [a, b]) await image.unpack(layers)
      }
      const compareOptions = { ignore, byLayer, unpack, signal }
      const { diff: compared, learnt } = await compareImages(a, b, { ...compareOptions, collapse })
      rememberDigests(host, learnt)
      const result = { ...compared, ...(await packagesOf(compared, [a, b])) }
      if (reportFolder !== undefined) {
        const { files } = collapse ? (await compareImages(a, b, compareOptions)).diff : result
        await writeReport(reportFolder, { ...result, files }, [a, b], byLayer)
      }
      return result
    })
  } catch (error) {
    await undo?.()
    throw error
  }
}

// Maximum size of a text to compare.
const textLimit = 16 << 20

/** Returns the difference of a text file between two images in the format of `diff -u`; empty if there is none. */
export async function diffFile(host: Host, options: FileDiffOptions): Promise<string> {
  return withBoth(host, options, async (...sides) => {
    const path = options.path
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .join('/')
    const nodes = sides.map((side) => treeOfLayers(selectLayers(side)).get(path))
    if (nodes.every((node) => node === undefined))
      throw new TareError('FILE_UNKNOWN', `neither image has ${JSON.stringify(options.path)}`, {
        remedy: 'Paths count from the root of the image; no link is followed.',
      })
    const asked = [options.a, options.b]
    const texts = nodes.map((node, i) => textOf(sides[i]!.image, node, { path: options.path, where: asked[i]! }))
    const [a, b] = (await Promise.all(texts)) as [string, string]
    const [nameA, nameB] = nodes.map((node, i) => (node === undefined ? '/dev/null' : `${asked[i]}:/${path}`))
    // What differs without a different line is an empty file on one side alone, or a link.
    if (a === b) return nodes[0]?.kind === nodes[1]?.kind ? '' : `--- ${nameA}\n+++ ${nameB}\n`
    return [a, b].some((text) => text.includes('\0'))
      ? `Binary files ${nameA} and ${nameB} differ\n`
      : unifiedDiff(a, b, { a: nameA!, b: nameB! })
  })
}

/** Returns the text to compare: a link's target for a link, nothing for a missing file. */
async function textOf(
  image: OpenedContents,
  node: Node | undefined,
  { path, where }: { readonly path: string; readonly where: string },
): Promise<string> {
  if (node === undefined) return ''
  if (node.kind === 'symlink') return `symbolic link to ${node.target}\n`
  if (node.kind !== 'file')
    throw new TareError('DIFF_NOT_TEXT', `${JSON.stringify(path)} is no file but a ${node.kind} in ${where}`)
  if (node.size > textLimit)
    throw new TareError('DIFF_NOT_TEXT', `${JSON.stringify(path)} has ${node.size} bytes in ${where}`, {
      remedy: `Up to ${textLimit} are compared as text; --report writes files of any size.`,
    })
  const bytes = await collect(image.read(node), textLimit)
  return decodeName(bytes)
}

interface Side extends Comparand {
  readonly image: OpenedContents
}

/** Opens both images, one after the other, so that the second can use what the first has stored. */
async function withBoth<T>(host: Host, options: ComparedImages, work: (a: Side, b: Side) => Promise<T>): Promise<T> {
  const [a, b] = [parseLayerRange(options.a), parseLayerRange(options.b)]
  const imageA = await openContents(host, a.name, options)
  try {
    const imageB = await openContents(host, b.name, { ...options, beside: imageA })
    try {
      return await work({ image: imageA, range: a.range }, { image: imageB, range: b.range })
    } finally {
      await imageB.close()
    }
  } finally {
    await imageA.close()
  }
}

/** Compares packages. Databases are read only if one differs; layers without any are not decompressed for that. */
async function packagesOf(
  { files }: ImageDiff,
  sides: readonly Side[],
): Promise<Pick<ImageDiff, 'packages' | 'unread'>> {
  if (!files.some(mayChangePackages) && !haveBelow(files, sides)) return { packages: [], unread: [] }
  for (const { image } of sides) await image.unpack(image.layers.filter(({ index }) => hasPackageFile(tableOf(index))))
  const [a, b] = sides.map((side) => findPackages(treeOfLayers(selectLayers(side))))
  return { packages: comparePackages(a!.packages, b!.packages), unread: [...a!.unread, ...b!.unread] }
}

function mayChangePackages({ path, kind, changes }: ComparedFile): boolean {
  return (
    isPackageFile(path) && (kind !== 'changed' || changes.some((change) => /content|type|target/.test(change.kind)))
  )
}

/** Whether a directory that is one row may have changed packages. */
function haveBelow(files: readonly ComparedFile[], sides: readonly Side[]): boolean {
  const collapsed = new Set(files.flatMap(({ below, path }) => (below === undefined ? [] : [path])))
  if (collapsed.size === 0) return false
  for (const { image } of sides)
    for (const { index } of image.layers)
      for (const path of packageFilesOf(tableOf(index)))
        for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
          if (collapsed.has(path.slice(0, slash))) return true
  return false
}

/** Writes the differing files of both sides, and the result, to an empty folder; those of each layer to one of its own if `byLayer`. */
async function writeReport(folder: string, found: ImageDiff, sides: readonly Side[], byLayer: boolean): Promise<void> {
  const differ = found.files.filter(({ kind, changes }) => kind !== 'changed' || changes.some(isOfBytes))
  for (const [i, name] of ['a', 'b'].entries()) {
    const { image } = sides[i]!
    const below = join(folder, name)
    await mkdir(below)
    const save = async (files: readonly ComparedFile[], layers: readonly InspectedLayer[], into: string) => {
      const tree = treeOfLayers(layers)
      const paths = [...new Set(files.map(({ path }) => path))]
      await saveFiles(
        image,
        paths.map((path) => [path, tree.get(path)]),
        into,
      )
    }
    if (!byLayer) {
      await save(differ, selectLayers(sides[i]!), below)
      continue
    }
    for (const [index, layer] of image.layers.entries()) {
      const own = differ.filter(({ layerA, layerB }) => (i === 0 ? layerA : layerB) === index + 1)
      if (own.length > 0) await save(own, [layer], join(below, String(index + 1)))
    }
  }
  await writeFile(join(folder, 'diff.json'), `${JSON.stringify(found, undefined, 2)}\n`)
}

function isOfBytes({ kind }: ComparedFile['changes'][number]): boolean {
  return kind === 'content' || kind === 'type' || kind === 'link-target'
}
