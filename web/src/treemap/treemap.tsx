import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Matches } from '../model/search.ts'
import { pathOf, type Tree, trailOf } from '../model/tree.ts'
import type { View } from '../model/view.ts'
import { countOf, sizeText } from '../text/numbers.ts'
import { printable } from '../text/printable.ts'
import { type Colouring, colourOf, type Palette } from './colours.ts'
import { drawTiles } from './draw.ts'
import { layOut, type Rectangle, type Tile, tileAt } from './layout.ts'
import { drawZoom, type Zoom, zoomDuration } from './zoom.ts'

export interface TreemapProps {
  readonly tree: Tree
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

interface Size {
  readonly width: number
  readonly height: number
}

/** A picture of sizes. The tree beside it has the same for those who do not see it. */
export function Treemap(props: TreemapProps) {
  const { tree, view, root, colouring, typeNames, palette, matches } = props
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(box)
  const tiles = useMemo(
    () => layOut(tree, view, root, { x0: 0, y0: 0, x1: size.width, y1: size.height }),
    [tree, view, root, size],
  )
  const picture = useMemo(() => {
    if (size.width === 0) return undefined
    const { element, context } = newCanvas(size)
    drawTiles(context, { tree, view, tiles, palette, matches, colour: colourOf(palette, view, colouring, typeNames) })
    return element
  }, [tiles, palette, matches, colouring, typeNames])
  usePicture(canvas, { picture, tiles, size, root, tree, view })

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
        data-tiles={tiles.length}
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

function positive(node: number | undefined): number | undefined {
  return node === undefined || node < 0 ? undefined : node
}

function frame({ x0, y0, x1, y1 }: Rectangle) {
  return { left: `${x0}px`, top: `${y0}px`, width: `${x1 - x0 - 1}px`, height: `${y1 - y0 - 1}px` }
}

function newCanvas({ width, height }: Size) {
  const element = document.createElement('canvas')
  const ratio = window.devicePixelRatio
  element.width = Math.max(1, Math.round(width * ratio))
  element.height = Math.max(1, Math.round(height * ratio))
  const context = element.getContext('2d')!
  context.scale(ratio, ratio)
  return { element, context }
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

interface Shown {
  readonly picture: HTMLCanvasElement | undefined
  readonly tiles: readonly Tile[]
  readonly size: Size
  readonly root: number
  readonly tree: Tree
  readonly view: View
}

/** Puts a picture on the canvas; from a directory to one in it or around it, by a zoom. */
function usePicture(canvas: { readonly current: HTMLCanvasElement | null }, shown: Shown): void {
  const before = useRef<Shown | undefined>(undefined)
  useEffect(() => {
    const last = before.current
    before.current = shown
    const { picture, size } = shown
    if (picture === undefined) return
    const target = canvas.current!
    const ratio = window.devicePixelRatio
    if (target.width !== picture.width || target.height !== picture.height) {
      target.width = picture.width
      target.height = picture.height
    }
    const context = target.getContext('2d')!
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    const finish = () => {
      context.clearRect(0, 0, size.width, size.height)
      context.drawImage(picture, 0, 0, size.width, size.height)
      delete target.dataset['zooming']
    }
    const zoom = zoomBetween(last, shown)
    if (zoom === undefined || matchMedia('(prefers-reduced-motion: reduce)').matches) {
      finish()
      return
    }
    target.dataset['zooming'] = ''
    let start: number | undefined
    let frameId = requestAnimationFrame(function step(now) {
      start ??= now
      const moment = (now - start) / zoomDuration
      if (moment >= 1) return finish()
      drawZoom(context, zoom, moment, size)
      frameId = requestAnimationFrame(step)
    })
    return () => cancelAnimationFrame(frameId)
  }, [shown.picture])
}

function zoomBetween(last: Shown | undefined, shown: Shown): Zoom | undefined {
  if (last?.picture === undefined || shown.picture === undefined) return undefined
  if (last.root === shown.root || last.size !== shown.size || last.view !== shown.view) return undefined
  const isInward = shown.root > last.root && shown.root < shown.tree.end[last.root]!
  const [outer, inner] = isInward ? [last, shown] : [shown, last]
  const place = outer.tiles.find(({ node }) => node === inner.root)
  if (place === undefined || place.x1 - place.x0 < 0.5 || place.y1 - place.y0 < 0.5) return undefined
  return { outer: outer.picture!, inner: inner.picture!, place, isInward }
}
