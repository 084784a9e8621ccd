import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { type Matches, pathOf, trailOf, type View } from '../explorer.ts'
import { countOf, sizeText } from '../text/numbers.ts'
import { printable } from '../text/printable.ts'
import { type Colouring, colourOf, heaviestFiles, type Palette } from './colours.ts'
import { drawTiles, type Look } from './draw.ts'
import { layOut, type Rectangle, type Tile, tileAt } from './layout.ts'
import { type Drawn, newCanvas, type Size, usePicture } from './picture.ts'

export interface TreemapProps {
  readonly view: View
  readonly root: number
  readonly selected: number
  readonly hovered: number | undefined
  readonly colouring: Colouring
  readonly typeNames: readonly string[]
  readonly palette: Palette
  readonly matches: Matches | undefined
  readonly name: string
  readonly onHover: (node: number | undefined) => void
  readonly onSelect: (node: number) => void
  readonly onZoom: (node: number) => void
}

/** A picture of sizes. The tree beside it has the same for those who do not see it. */
export function Treemap(props: TreemapProps) {
  const { view, root, colouring, typeNames, palette, matches } = props
  const { tree } = view.image
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(box)
  const heaviest = useMemo(() => heaviestFiles(view), [view])
  const picture = useMemo(() => {
    if (size.width === 0) return undefined
    const colour = colourOf(palette, view, heaviest, colouring, typeNames)
    return { root, view, size, steps: paint(root, size, { view, palette, matches, colour }) }
  }, [view, root, size, palette, matches, colouring, typeNames])
  const drawn = usePicture(canvas, picture)
  const tiles = drawn?.tiles ?? []

  const find = (event: MouseEvent): Tile | undefined => {
    const { left, top } = canvas.current!.getBoundingClientRect()
    return tileAt(tiles, event.clientX - left, event.clientY - top)
  }
  /** The directory in the one shown that a tile is in, to zoom into. */
  const stepInto = (node: number): number | undefined => {
    const trail = trailOf(tree, node)
    const next = trail[trail.indexOf(root) + 1]
    return next !== undefined && tree.end[next]! > next + 1 ? next : undefined
  }
  const marked = tiles.find(({ node, level }) => level > 0 && node === props.hovered)
  const chosen = tiles.find(({ node, level }) => level > 0 && node === props.selected)
  return (
    <div class="treemap" ref={box}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${printable(pathOf(tree, root))}: ${sizeText(view.total[root]!)} in ${countOf(view.files[root]!, 'file')} of ${printable(props.name)}, as a treemap`}
        data-root={pathOf(tree, root)}
        data-tiles={drawn?.tiles.length}
        onMouseMove={(event) => props.onHover(positive(find(event)?.node))}
        onMouseLeave={() => props.onHover(undefined)}
        onClick={(event) => {
          const tile = find(event)
          if (tile === undefined || tile.node < 0) return
          if (tile.isDirectory && tile.level > 0) props.onZoom(tile.node)
          else props.onSelect(tile.node)
        }}
        onDblClick={(event) => {
          const into = stepInto(positive(find(event)?.node) ?? root)
          if (into !== undefined) props.onZoom(into)
        }}
      />
      {marked !== undefined && <div class="treemap-mark" style={frame(marked)} />}
      {chosen !== undefined && <div class="treemap-mark treemap-chosen" style={frame(chosen)} />}
      {view.total[root] === 0 && <p class="treemap-empty">Nothing here takes up space.</p>}
    </div>
  )
}

/** Draws a directory in steps. */
function* paint(root: number, size: Size, look: Look): Generator<void, Drawn> {
  const tiles = yield* layOut(look.view, root, { x0: 0, y0: 0, x1: size.width, y1: size.height })
  yield
  const { element, context } = newCanvas(size)
  yield
  yield* drawTiles(context, tiles, look)
  return { element, tiles }
}

function positive(node: number | undefined): number | undefined {
  return node === undefined || node < 0 ? undefined : node
}

function frame({ x0, y0, x1, y1 }: Rectangle) {
  return { left: `${x0}px`, top: `${y0}px`, width: `${x1 - x0 - 1}px`, height: `${y1 - y0 - 1}px` }
}

function useSize(box: { readonly current: HTMLElement | null }): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 })
  useLayoutEffect(() => {
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = box.current!
      setSize((known) => (known.width === width && known.height === height ? known : { width, height }))
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(box.current!)
    return () => observer.disconnect()
  }, [])
  return size
}
