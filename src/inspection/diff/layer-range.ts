import { TareError } from '../../support/index.ts'

/** Layers by number, from 1 for the lowest; both ends included. */
export interface LayerRange {
  readonly from: number
  /** Default: the uppermost. */
  readonly to?: number | undefined
}

/** Parses `app#3..5`, `app#3`, `app#3..`, `app#..5`: an image's name, and a selection of its layers. */
export function parseLayerRange(text: string): { readonly name: string; readonly range?: LayerRange } {
  const match = /^(.+)#(\d{1,6})?(\.\.)?(\d{1,6})?$/s.exec(text)
  if (match === null) return { name: text }
  const [, name, first, dots, last] = match
  const from = Number(first ?? 1)
  const to = dots === undefined ? from : last === undefined ? undefined : Number(last)
  if (
    (first === undefined && (dots === undefined || last === undefined)) ||
    from < 1 ||
    (to !== undefined && to < from)
  )
    throw new TareError('LAYER_RANGE_INVALID', `${JSON.stringify(text)} names no layers`, {
      remedy: 'Layers count from 1, the lowest: app#3, app#3..5, app#3.., app#..5.',
    })
  return { name: name!, range: { from, to } }
}

/** Returns the selected layers. Throws `LAYER_UNKNOWN` if the image has fewer. */
export function layersIn<T>({ from, to }: LayerRange, layers: readonly T[], name: string): readonly T[] {
  if (from <= layers.length && (to ?? from) <= layers.length) return layers.slice(from - 1, to)
  throw unknownLayer(name, Math.max(from, to ?? from), layers.length)
}

export function unknownLayer(name: string, layer: number, count: number): TareError {
  return new TareError('LAYER_UNKNOWN', `${name} has no layer ${layer}`, {
    remedy:
      count < 2 ? `It has ${count === 0 ? 'none at all' : 'one, 1'}.` : `Its layers are 1, the lowest, to ${count}.`,
  })
}
