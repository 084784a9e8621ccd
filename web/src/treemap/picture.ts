import { useEffect, useRef } from 'preact/hooks'
import type { View } from '../explorer.ts'
import type { Tile } from './layout.ts'
import { drawZoom, type Zoom, zoomDuration } from './zoom.ts'

export interface Size {
  readonly width: number
  readonly height: number
}

/** A picture, and what is still to be drawn of it. */
export interface Picture {
  readonly element: HTMLCanvasElement
  readonly steps: Iterator<void, void>
}

// Milliseconds of a frame for drawing: thousands of tiles at once would take several frames.
const drawingTime = 6

/** Draws a picture, as far as the time allows; returns whether all of it is drawn. */
function draw({ steps }: Picture, time = Number.POSITIVE_INFINITY): boolean {
  const end = performance.now() + time
  do if (steps.next().done === true) return true
  while (performance.now() < end)
  return false
}

export function newCanvas({ width, height }: Size) {
  const element = document.createElement('canvas')
  const ratio = window.devicePixelRatio
  element.width = Math.max(1, Math.round(width * ratio))
  element.height = Math.max(1, Math.round(height * ratio))
  const context = element.getContext('2d')!
  context.scale(ratio, ratio)
  return { element, context }
}

interface Shown {
  readonly picture: Picture | undefined
  readonly tiles: readonly Tile[]
  readonly size: Size
  readonly root: number
  readonly view: View
}

/** Puts a picture on the canvas; from a directory to one in it or around it, by a zoom. */
export function usePicture(canvas: { readonly current: HTMLCanvasElement | null }, shown: Shown): void {
  const before = useRef<Shown | undefined>(undefined)
  useEffect(() => {
    const last = before.current
    before.current = shown
    const { picture, size } = shown
    if (picture === undefined) return
    const target = canvas.current!
    const ratio = window.devicePixelRatio
    const { element } = picture
    if (target.width !== element.width || target.height !== element.height) {
      target.width = element.width
      target.height = element.height
    }
    const context = target.getContext('2d')!
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    const finish = () => {
      draw(picture)
      context.clearRect(0, 0, size.width, size.height)
      context.drawImage(element, 0, 0, size.width, size.height)
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
      if (!draw(picture, drawingTime)) {
        frameId = requestAnimationFrame(step)
        return
      }
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
  const isInward = shown.root > last.root && shown.root < shown.view.image.tree.end[last.root]!
  draw(last.picture)
  const [outer, inner] = isInward ? [last, shown] : [shown, last]
  const place = outer.tiles.find(({ node }) => node === inner.root)
  if (place === undefined || place.x1 - place.x0 < 0.5 || place.y1 - place.y0 < 0.5) return undefined
  return { outer: outer.picture!.element, inner: inner.picture!.element, place, isInward }
}
