import type {
  ComparedFact,
  ComparedFile,
  ComparedImage,
  ImageDiff,
  LayerDifference,
  PackageDifference,
} from '../../../index.ts'
import { humanSize } from '../../text/human.ts'
import { printable } from '../../text/printable.ts'
import { alignColumns } from '../../text/table.ts'
import { shortId } from '../images/images.ts'

type Cells = readonly string[]

/** What differs, for people: a table for each sort of thing, every row with its kind. */
export function diffTable(found: ImageDiff, whole: boolean): string {
  const cut = (text: string | undefined) => (text === undefined ? '-' : whole ? text : ellipsis(text, 48))
  const sections: readonly (readonly [heading: Cells, rows: readonly Cells[]])[] = [
    [['CONFIG', 'MEMBER', 'A', 'B'], found.config.map(({ kind, member, a, b }) => [kind, member, cut(a), cut(b)])],
    [
      ['HISTORY', 'LINE', 'A', 'B'],
      found.history.map(({ kind, index, member, a, b }) => [kind, `${index + 1} ${member}`, cut(a), cut(b)]),
    ],
    [['LAYERS', 'A', 'B', ''], found.layers.map(layerRow)],
    [['FILES', ...(found.files.some(hasLayer) ? ['LAYER'] : []), 'PATH', 'A', 'B'], fileRows(found.files, cut)],
    [['PACKAGES', 'NAME', 'A', 'B'], found.packages.map(packageRow)],
    [['SIZE', 'A', 'B', 'DIFFERENCE'], sizeRows(found)],
  ]
  const tables = sections
    .filter(([, rows]) => rows.length > 0)
    .map(([heading, rows]) => alignColumns(`${[heading, ...rows].map((row) => row.map(cell).join('\t')).join('\n')}\n`))
  const images = alignColumns(
    ['A', 'B']
      .map((side, i) =>
        imageRow(side, i === 0 ? found.a : found.b)
          .map(cell)
          .join('\t'),
      )
      .join('\n'),
  )
  const unread = found.unread.map(
    ({ type, path, reason }) => `not read: ${type} packages in ${cell(path)}: ${cell(reason)}\n`,
  )
  return [`${images}\n`, ...tables, ...(unread.length === 0 ? [] : [unread.join('')]), summary(found)].join('\n')
}

/** A cell cannot begin another, or another line. */
function cell(text: string): string {
  return printable(text).replaceAll('\t', '\\x09').replaceAll('\n', '\\x0a')
}

function ellipsis(text: string, length: number): string {
  const characters = [...text]
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`
}

function imageRow(side: string, { name, id, platform, layers, size }: ComparedImage): Cells {
  const { os, architecture, variant } = platform
  const system = [os, architecture, ...(variant === undefined ? [] : [variant])].join('/')
  return [side, name, shortId(id, false), system, `${layers} layer${layers === 1 ? '' : 's'}`, humanSize(size, 3)]
}

function layerRow({ kind, a, b, detail }: LayerDifference): Cells {
  return [kind, a === undefined ? '-' : `layer ${a}`, b === undefined ? '-' : `layer ${b}`, detail]
}

function packageRow({ kind, type, name, a, b }: PackageDifference): Cells {
  const facts = [a, b].map((found) => [found?.version, found?.arch, found?.license])
  const shown = facts.map((own, i) =>
    own.filter((fact, j) => fact !== undefined && (j === 0 || (kind === 'changed' && fact !== facts[1 - i]![j]))),
  )
  return [kind, `${type} ${name}`, shown[0]!.join(' ') || '-', shown[1]!.join(' ') || '-']
}

function hasLayer({ layerA, layerB }: ComparedFile): boolean {
  return layerA !== undefined || layerB !== undefined
}

/** A row for each thing in which a file differs; of a directory that one side alone has, one for all that is in it. */
function fileRows(files: readonly ComparedFile[], cut: (text: string | undefined) => string): readonly Cells[] {
  const withLayers = files.some(hasLayer)
  return files.flatMap((file): readonly Cells[] => {
    const layer = withLayers ? [[file.layerA ?? '-', file.layerB ?? '-'].join(' | ')] : []
    const path = file.type === 'directory' ? `${file.path}/` : file.path
    if (file.kind === 'changed')
      return file.changes.map((change) => [change.kind, ...layer, path, ...changeCells(change, file, cut)])
    const what = whatOf(file)
    return [[file.kind, ...layer, path, ...(file.kind === 'added' ? ['-', what] : [what, '-'])]]
  })
}

/** What was added or removed: a file, or a directory with what is in it. */
function whatOf({ type, sizeA, sizeB, below }: ComparedFile): string {
  if (type === 'file') return humanSize(sizeA ?? sizeB ?? 0, 3)
  if (below === undefined || below.entries === 0) return type
  return `${below.files} file${below.files === 1 ? '' : 's'}, ${humanSize(below.size, 3)}`
}

function changeCells(
  { kind, name, a, b }: ComparedFact,
  { sizeA, sizeB }: ComparedFile,
  cut: (text: string | undefined) => string,
): Cells {
  if (kind !== 'content') return [a, b].map((value) => cut(name === undefined ? value : value && `${name}=${value}`))
  if (sizeA !== sizeB) return [bytes(sizeA), bytes(sizeB)]
  return [a, b].map((digest) =>
    digest === undefined ? bytes(sizeA) : `${bytes(sizeA)} ${shortId(digest as 'sha256:', false)}`,
  )
}

function bytes(size: number | undefined): string {
  return `${size ?? 0}B`
}

/** Directories down to the second level, the root first. */
function sizeRows({ directories }: ImageDiff): readonly Cells[] {
  return directories
    .filter(({ path }) => path.split('/').length <= 2)
    .map(({ path, a, b }) => [
      `/${path}`,
      humanSize(a, 3),
      humanSize(b, 3),
      `${b > a ? '+' : '-'}${humanSize(Math.abs(b - a), 3)}`,
    ])
}

function summary({ equal, config, history, layers, files, ignored }: ImageDiff): string {
  const rows = files.reduce((sum, { below }) => sum + 1 + (below?.entries ?? 0), 0)
  const counts = { config: config.length, history: history.length, layers: layers.length, files: rows }
  const different = Object.entries(counts).flatMap(([what, count]) => (count === 0 ? [] : [`${count} in ${what}`]))
  const left = Object.entries(ignored).map(([kind, count]) => `${count} of ${kind}`)
  const end = left.length === 0 ? '' : ` Ignored: ${left.join(', ')}.`
  return `${equal ? 'Equal.' : `Different: ${different.join(', ')}.`}${end}\n`
}
