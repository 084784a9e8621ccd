import { treemapSquarify } from 'd3-hierarchy'
import { isCounted, isDirectory, type View } from '../explorer.ts'

export interface Rectangle {
  readonly x0: number
  readonly y0: number
  readonly x1: number
  readonly y1: number
}

/** A rectangle for a path; what is in a directory comes after it. */
export interface Tile extends Rectangle {
  /** -1: what is too small to be seen, together. */
  readonly node: number
  readonly level: number
  readonly isDirectory: boolean
  /** A directory with a strip for its name. */
  readonly hasHeader: boolean
}

export const headerHeight = 20
const smallestHeader = { width: 56, height: 46 }
// Squares of a pixel below which a path gets no tile of its own.
const leastArea = 4
export const leastSide = 8

interface Slot {
  readonly node: number
  readonly value: number
  x0: number
  y0: number
  x1: number
  y1: number
}

// So many take about a millisecond.
const foldersAtOnce = 50

/**
 * Lays a directory out in a rectangle, as deep as there are pixels: the work goes with them, not with the number of files. Some
 * directories at a time.
 */
export function* layOut(view: View, root: number, { x0, y0, x1, y1 }: Rectangle): Generator<void, readonly Tile[]> {
  const tiles: Tile[] = []
  if (x1 - x0 <= 1 || y1 - y0 <= 1) return tiles
  const waiting = [{ node: root, level: 0, area: { x0, y0, x1, y1 } }]
  for (let folders = 0; waiting.length > 0; ) {
    const { node, level, area } = waiting.pop()!
    const isFolder = node >= 0 && isDirectory(view, node)
    const [width, height] = [area.x1 - area.x0, area.y1 - area.y0]
    const hasHeader = isFolder && level > 0 && width >= smallestHeader.width && height >= smallestHeader.height
    tiles.push({ ...area, node, level, isDirectory: isFolder, hasHeader })
    if (!isFolder || width < leastSide || height < leastSide) continue
    const margin = level === 0 ? 0 : hasHeader ? 3 : width > 14 && height > 14 ? 1.5 : 0
    const inner = {
      x0: area.x0 + margin,
      y0: area.y0 + (hasHeader ? headerHeight : margin),
      x1: area.x1 - margin,
      y1: area.y1 - margin,
    }
    // The last is taken first.
    for (const slot of slotsOf(view, node, inner).reverse()) {
      const { x0, y0, x1, y1 } = slot
      waiting.push({ node: slot.node, level: level + 1, area: { x0, y0, x1, y1 } })
    }
    if (++folders % foldersAtOnce === 0) yield
  }
  return tiles
}

function slotsOf(view: View, node: number, area: Rectangle): Slot[] {
  const { total } = view
  const { end } = view.image.tree
  const sum = total[node]!
  if (sum <= 0) return []
  const scale = ((area.x1 - area.x0) * (area.y1 - area.y0)) / sum
  const slots: Slot[] = []
  let rest = 0
  // Most of hundreds of thousands are too small: these take one comparison each.
  for (let child = node + 1; child < end[node]!; child = end[child]!) {
    const value = total[child]!
    if (!isCounted(view, child)) continue
    if (value * scale < leastArea) rest += value
    else slots.push({ node: child, value, x0: 0, y0: 0, x1: 0, y1: 0 })
  }
  slots.sort((a, b) => b.value - a.value)
  if (rest > 0) slots.push({ node: -1, value: rest, x0: 0, y0: 0, x1: 0, y1: 0 })
  // d3 reads nothing else of a hierarchy here.
  const parent = { value: sum, children: slots } as unknown as Parameters<typeof treemapSquarify>[0]
  treemapSquarify(parent, area.x0, area.y0, area.x1, area.y1)
  return slots
}

/** Returns the innermost tile at a point. */
export function tileAt(tiles: readonly Tile[], x: number, y: number): Tile | undefined {
  for (let i = tiles.length - 1; i >= 0; i--) {
    const tile = tiles[i]!
    if (x >= tile.x0 && x < tile.x1 && y >= tile.y0 && y < tile.y1) return tile
  }
  return undefined
}
