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
        await writeReport(reportFolder, { ...result, files }, [a, b])
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
    const [a, b] = await Promise.all(nodes.map((node, i) => textOf(sides[i]!.image, node, options.path)))
    const name = (i: number) => (nodes[i] === undefined ? '/dev/null' : `${options[i === 0 ? 'a' : 'b']}:/${path}`)
    if (a === b && nodes[0]?.kind === nodes[1]?.kind) return ''
    return [a!, b!].some((text) => text.includes('\0'))
      ? `Binary files ${name(0)} and ${name(1)} differ\n`
      : unifiedDiff(a!, b!, { a: name(0), b: name(1) })
  })
}

/** Returns the text to compare: a link's target for a link, nothing for a missing file. */
async function textOf(image: OpenedContents, node: Node | undefined, path: string): Promise<string> {
  if (node === undefined) return ''
  if (node.kind === 'symlink') return `symbolic link to ${node.target}\n`
  if (node.kind !== 'file')
    throw new TareError('DIFF_NOT_TEXT', `${JSON.stringify(path)} is no file but a ${node.kind} in ${image.name}`)
  if (node.size > textLimit)
    throw new TareError('DIFF_NOT_TEXT', `${JSON.stringify(path)} has ${node.size} bytes in ${image.name}`, {
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

/** Writes the differing files of both sides, and the result, to an empty folder. */
async function writeReport(folder: string, found: ImageDiff, sides: readonly Side[]): Promise<void> {
  const differ = found.files.filter(({ kind, changes }) => kind !== 'changed' || changes.some(isOfBytes))
  const paths = [...new Set(differ.map(({ path }) => path))]
  for (const [i, name] of ['a', 'b'].entries()) {
    const below = join(folder, name)
    await mkdir(below)
    const tree = treeOfLayers(selectLayers(sides[i]!))
    await saveFiles(
      sides[i]!.image,
      paths.map((path) => [path, tree.get(path)]),
      below,
    )
  }
  await writeFile(join(folder, 'diff.json'), `${JSON.stringify(found, undefined, 2)}\n`)
}

function isOfBytes({ kind }: ComparedFile['changes'][number]): boolean {
  return kind === 'content' || kind === 'type' || kind === 'link-target'
}
