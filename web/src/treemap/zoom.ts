import type { Rectangle } from './layout.ts'

/** A zoom between a directory and one in it: a picture of each, and where the inner one is in the outer. */
export interface Zoom {
  readonly outer: HTMLCanvasElement
  readonly inner: HTMLCanvasElement
  readonly place: Rectangle
  readonly isInward: boolean
}

export const zoomDuration = 380

/** Draws a zoom at a moment from 0 to 1: two pictures, so that a frame costs the same for any number of files. */
export function drawZoom(
  context: CanvasRenderingContext2D,
  { outer, inner, place, isInward }: Zoom,
  moment: number,
  { width, height }: { readonly width: number; readonly height: number },
): void {
  const share = ease(isInward ? moment : 1 - moment)
  // Where the inner picture is now.
  const window = {
    x: place.x0 * (1 - share),
    y: place.y0 * (1 - share),
    width: (place.x1 - place.x0) * (1 - share) + width * share,
    height: (place.y1 - place.y0) * (1 - share) + height * share,
  }
  const [scaleX, scaleY] = [window.width / (place.x1 - place.x0), window.height / (place.y1 - place.y0)]
  context.clearRect(0, 0, width, height)
  context.drawImage(outer, window.x - place.x0 * scaleX, window.y - place.y0 * scaleY, width * scaleX, height * scaleY)
  context.globalAlpha = Math.min(1, share * 1.6)
  context.drawImage(inner, window.x, window.y, window.width, window.height)
  context.globalAlpha = 1
}

function ease(moment: number): number {
  return moment < 0.5 ? 4 * moment ** 3 : 1 - (-2 * moment + 2) ** 3 / 2
}
