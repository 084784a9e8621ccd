import { type Matches, removed, type View } from '../explorer.ts'
import { sizeText } from '../text/numbers.ts'
import { printable } from '../text/printable.ts'
import type { Palette } from './colours.ts'
import { headerHeight, leastSide, type Tile } from './layout.ts'

/** What a treemap shows of its tiles, and how. */
export interface Look {
  readonly view: View
  readonly palette: Palette
  readonly colour: (node: number) => string
  /** What does not match is pale. */
  readonly matches: Matches | undefined
}

const sans = 'Inter, ui-sans-serif, system-ui, sans-serif'
const fonts = { header: `600 11.5px ${sans}`, small: `11.5px ${sans}`, large: `600 13px ${sans}` }

// So many take about a millisecond.
const tilesAtOnce = 100

/** Draws all tiles with their names, some at a time. */
export function* drawTiles(
  context: CanvasRenderingContext2D,
  tiles: readonly Tile[],
  look: Look,
): Generator<void, void> {
  const { palette } = look
  context.textBaseline = 'middle'
  for (const [i, tile] of tiles.entries()) {
    if (i % tilesAtOnce === tilesAtOnce - 1) yield
    if (tile.level === 0) continue
    const pale = isPale(look, tile)
    context.globalAlpha = pale ? 0.22 : 1
    const isFrame = tile.isDirectory && tile.x1 - tile.x0 >= leastSide && tile.y1 - tile.y0 >= leastSide
    context.fillStyle = isFrame ? palette.folder : look.colour(tile.node)
    fill(context, tile, isFrame && tile.level % 2 === 0)
    if (!isFrame && look.view.mark[tile.node] === removed) strike(context, tile, palette)
    // Dimmed names could not be read.
    if (pale) continue
    context.globalAlpha = 1
    if (tile.hasHeader) header(context, look, tile)
    else if (!tile.isDirectory) label(context, look, tile)
  }
  context.globalAlpha = 1
}

function isPale({ matches }: Look, tile: Tile): boolean {
  return matches !== undefined && (tile.node < 0 || matches.found[tile.node] === 0)
}

function fill(context: CanvasRenderingContext2D, { x0, y0, x1, y1 }: Tile, isInner: boolean): void {
  // A pixel of ground between tiles, less where they are small.
  const gap = Math.min(x1 - x0, y1 - y0) > 8 ? 1 : Math.min(x1 - x0, y1 - y0) > 3 ? 0.5 : 0.15
  const [width, height] = [Math.max(0.4, x1 - x0 - gap), Math.max(0.4, y1 - y0 - gap)]
  if (Math.min(width, height) > 10) {
    context.beginPath()
    context.roundRect(x0, y0, width, height, 2)
    context.fill()
    if (!isInner) return
    context.globalAlpha *= 0.04
    context.fillStyle = '#808080'
    context.fill()
    context.globalAlpha = 1
  } else context.fillRect(x0, y0, width, height)
}

/** A line through what is gone, for eyes that do not tell the colours apart. */
function strike(context: CanvasRenderingContext2D, { x0, y0, x1, y1 }: Tile, palette: Palette): void {
  if (x1 - x0 < 12 || y1 - y0 < 12) return
  context.strokeStyle = palette.ink
  context.globalAlpha = 0.18
  context.beginPath()
  context.moveTo(x0 + 3, y1 - 4)
  context.lineTo(x1 - 4, y0 + 3)
  context.stroke()
  context.globalAlpha = 1
}

function header(context: CanvasRenderingContext2D, { view, palette }: Look, tile: Tile): void {
  const width = tile.x1 - tile.x0 - 14
  const y = tile.y0 + headerHeight / 2
  context.font = fonts.header
  const name = shortened(context, printable(view.image.tree.name[tile.node]!), width)
  if (name === '') return
  context.fillStyle = palette.ink
  context.fillText(name, tile.x0 + 6, y)
  const used = context.measureText(name).width
  context.font = fonts.small
  const size = sizeText(view.total[tile.node]!)
  if (used + 12 + context.measureText(size).width > width) return
  context.fillStyle = palette.muted
  context.fillText(size, tile.x0 + 6 + used + 8, y)
}

function label(context: CanvasRenderingContext2D, { view, palette }: Look, tile: Tile): void {
  const [width, height] = [tile.x1 - tile.x0 - 12, tile.y1 - tile.y0]
  if (width < 26 || height < 17 || tile.node < 0) return
  const isLarge = width > 84 && height > 46
  context.font = isLarge ? fonts.large : fonts.small
  const name = shortened(context, printable(view.image.tree.name[tile.node]!), width)
  if (name === '') return
  context.fillStyle = palette.ink
  context.fillText(name, tile.x0 + 6, tile.y0 + (isLarge ? 15 : Math.min(11, height / 2)))
  if (height < 36) return
  context.font = fonts.small
  const size = sizeText(view.total[tile.node]!)
  if (context.measureText(size).width > width) return
  context.globalAlpha = 0.78
  context.fillText(size, tile.x0 + 6, tile.y0 + (isLarge ? 33 : 26))
  context.globalAlpha = 1
}

/** As much of a name as fits, with an ellipsis; empty if that says nothing. */
function shortened(context: CanvasRenderingContext2D, name: string, width: number): string {
  if (name.length * 5 < width && context.measureText(name).width <= width) return name
  const whole = context.measureText(name).width
  if (whole <= width) return name
  const characters = [...name]
  let keep = Math.floor((characters.length * width) / whole)
  while (keep > 0 && context.measureText(`${characters.slice(0, keep).join('')}…`).width > width) keep -= 1
  return keep < 3 ? '' : `${characters.slice(0, keep).join('')}…`
}
