import { useEffect, useRef, useState } from 'preact/hooks'
import type { View } from '../explorer.ts'
import type { Tile } from './layout.ts'
import { drawZoom, type Zoom, zoomDuration } from './zoom.ts'

export interface Size {
  readonly width: number
  readonly height: number
}

/** A directory as a picture, and where everything is in it. */
export interface Drawn {
  readonly element: HTMLCanvasElement
  readonly tiles: readonly Tile[]
}

/** A picture to be drawn, in steps: thousands of tiles at once would take several frames. */
export interface Picture {
  readonly root: number
  readonly view: View
  readonly size: Size
  readonly steps: Iterator<void, Drawn>
}

/** What is on the canvas. */
interface Shown extends Drawn {
  readonly picture: Picture
}

// Milliseconds of a frame for drawing.
const drawingTime = 6

/** Draws a picture, as far as the time allows; returns it if all of it is drawn. */
function draw({ steps }: Picture, time: number): Drawn | undefined {
  for (const end = performance.now() + time; ; ) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (performance.now() >= end) return undefined
  }
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

/**
 * Puts a picture on the canvas when it is drawn; from a directory to one in it or around it, by a zoom. Returns the picture that is
 * there, undefined while there is another.
 */
export function usePicture(
  canvas: { readonly current: HTMLCanvasElement | null },
  picture: Picture | undefined,
): Drawn | undefined {
  const last = useRef<Shown | undefined>(undefined)
  const [shown, setShown] = useState<Shown | undefined>(undefined)
  useEffect(() => {
    if (picture === undefined) return
    const { size } = picture
    const target = canvas.current!
    const context = target.getContext('2d')!
    const put = (drawn: Drawn) => {
      const { element } = drawn
      if (target.width !== element.width || target.height !== element.height) {
        target.width = element.width
        target.height = element.height
      }
      const ratio = window.devicePixelRatio
      context.setTransform(ratio, 0, 0, ratio, 0, 0)
      context.clearRect(0, 0, size.width, size.height)
      context.drawImage(element, 0, 0, size.width, size.height)
      delete target.dataset['zooming']
      last.current = { ...drawn, picture }
      setShown(last.current)
    }
    if (last.current === undefined) {
      put(draw(picture, Number.POSITIVE_INFINITY)!)
      return
    }
    target.dataset['zooming'] = ''
    let drawn: Drawn | undefined
    let zoom: Zoom | undefined
    let start = 0
    let frameId = requestAnimationFrame(function step(now) {
      if (drawn === undefined) {
        drawn = draw(picture, drawingTime)
        if (drawn !== undefined) zoom = zoomBetween(last.current!, { ...drawn, picture })
        start = now
      } else if (zoom !== undefined && now - start < zoomDuration)
        drawZoom(context, zoom, (now - start) / zoomDuration, size)
      else zoom = undefined
      if (drawn !== undefined && zoom === undefined) put(drawn)
      else frameId = requestAnimationFrame(step)
    })
    return () => cancelAnimationFrame(frameId)
  }, [picture])
  return shown?.picture === picture ? shown : undefined
}

function zoomBetween(last: Shown, next: Shown): Zoom | undefined {
  const [from, to] = [last.picture, next.picture]
  if (from.root === to.root || from.size !== to.size || from.view !== to.view) return undefined
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) return undefined
  const isInward = to.root > from.root && to.root < from.view.image.tree.end[from.root]!
  const [outer, inner] = isInward ? [last, next] : [next, last]
  const place = outer.tiles.find(({ node }) => node === inner.picture.root)
  if (place === undefined || place.x1 - place.x0 < 0.5 || place.y1 - place.y0 < 0.5) return undefined
  return { outer: outer.element, inner: inner.element, place, isInward }
}
