import { added, changed, isCounted, layerOf, removed, rewritten, type View } from '../explorer.ts'

export type Colouring = 'layer' | 'type' | 'change'

/** What a treemap can be coloured by. In a whole image, nothing has changed. */
export function colouringsOf(views: readonly View[]): readonly Colouring[] {
  return views.length === 1 && views[0]!.span.top === views[0]!.span.base
    ? ['layer', 'type']
    : ['layer', 'type', 'change']
}

/** Colours of the page that the canvas needs; the same values are in style/base.css. */
export interface Palette {
  readonly ground: string
  readonly folder: string
  readonly ink: string
  readonly muted: string
  readonly accent: string
  readonly plain: string
  /** Of the lowest and the highest layer. */
  readonly ramp: readonly [Rgb, Rgb]
  readonly types: readonly string[]
  readonly added: string
  readonly changed: string
  readonly removed: string
}

type Rgb = readonly [number, number, number]

const light: Palette = {
  ground: '#fbfaf7',
  folder: '#f3f1eb',
  ink: '#1e1c19',
  muted: '#5f5a52',
  accent: '#2f45c5',
  plain: '#e3dfd6',
  ramp: [
    [217, 211, 198],
    [104, 126, 238],
  ],
  types: ['#b4c2f3', '#f2c7a0', '#b9dcbf', '#e3bfdd', '#eed98f', '#afdbe0', '#e8b9b0', '#cfc7b6'],
  added: '#a5d8b4',
  changed: '#f0d48a',
  removed: '#f0b4ab',
}

const dark: Palette = {
  ground: '#151517',
  folder: '#212124',
  ink: '#f0eee8',
  muted: '#b3afa6',
  accent: '#a5b4ff',
  plain: '#35353a',
  ramp: [
    [70, 70, 77],
    [74, 94, 214],
  ],
  types: ['#3c4c94', '#8a5425', '#2f6b41', '#743f6d', '#71601c', '#23666e', '#8a443b', '#5c5546'],
  added: '#28663f',
  changed: '#77601b',
  removed: '#853a36',
}

export function paletteOf(isDark: boolean): Palette {
  return isDark ? dark : light
}

/** How much of the way from the lowest layer's colour to the highest one's. */
export function layerColour({ ramp }: Palette, layer: number, count: number): string {
  const share = count <= 1 ? 0.35 : (layer - 1) / (count - 1)
  const [from, to] = ramp
  const mix = [0, 1, 2].map((i) => Math.round(from[i]! + (to[i]! - from[i]!) * share))
  return `rgb(${mix.join(' ')})`
}

function changeColour(palette: Palette, mark: number): string {
  if (mark === added) return palette.added
  if (mark === changed || mark === rewritten) return palette.changed
  return mark === removed ? palette.removed : palette.plain
}

/** File types by weight, the heaviest first: those that get a colour of their own, by their number in the image. */
export function rankTypes(view: View, most: number): readonly { readonly type: number; readonly size: number }[] {
  const { changes, fileTypes } = view.image.contents
  const { fileType, size } = changes
  const other = fileTypes.indexOf('other')
  const sums = new Map<number, number>()
  for (let node = 0; node < view.change.length; node++) {
    const at = view.change[node]!
    if (at < 0 || fileType[at] === 0 || fileType[at] === other || view.total[node] === 0) continue
    sums.set(fileType[at]!, (sums.get(fileType[at]!) ?? 0) + size[at]!)
  }
  return [...sums]
    .map(([type, sum]) => ({ type, size: sum }))
    .sort((a, b) => b.size - a.size)
    .slice(0, most)
}

/** Returns for each directory the file in it that weighs most; for each file, itself. */
export function heaviestFiles(view: View): Uint32Array {
  const { image, total } = view
  const { parent } = image.tree
  const heaviest = Uint32Array.from(parent, (_, node) => node)
  for (let node = parent.length - 1; node > 0; node--) {
    if (!isCounted(view, node)) continue
    const [own, above] = [heaviest[node]!, heaviest[parent[node]!]!]
    if (above === parent[node] || total[own]! > total[above]!) heaviest[parent[node]!] = own
  }
  return heaviest
}

/** Returns what colours a file. A directory that is too small to be shown from within has the colour of its heaviest file. */
export function colourOf(
  palette: Palette,
  view: View,
  heaviestIn: Uint32Array,
  colouring: Colouring,
  typeNames: readonly string[],
) {
  const { contents } = view.image
  const byType = contents.fileTypes.map((name) => typeNames.indexOf(name))
  const layers = contents.layers.map((_, i) => layerColour(palette, i + 1, contents.layers.length))
  return (node: number): string => {
    if (node < 0) return palette.plain
    const heaviest = heaviestIn[node]!
    if (colouring === 'layer') return layers[layerOf(view, heaviest) - 1] ?? palette.plain
    if (colouring === 'change') return changeColour(palette, view.mark[heaviest]!)
    const at = view.change[heaviest]!
    const rank = at < 0 ? -1 : byType[contents.changes.fileType[at]!]!
    return rank < 0 ? palette.plain : (palette.types[rank] ?? palette.plain)
  }
}
