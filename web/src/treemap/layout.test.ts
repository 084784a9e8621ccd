import { expect, test } from 'vitest'
import { exploredImage, type Given } from '../../../test/kit/explored-image.ts'
import { modelOf, type Span, type View, viewOf } from '../explorer.ts'
import { layOut, type Tile, tileAt } from './layout.ts'

const area = { x0: 0, y0: 0, x1: 300, y1: 200 }
const look = (layers: Parameters<typeof exploredImage>[0], span: Span) =>
  viewOf(modelOf(exploredImage(layers)).images[0], span)

function layOutAll(view: View): readonly Tile[] {
  const steps = layOut(view, 0, area)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

test('a treemap fills its rectangle, and what is too small is there together', () => {
  const small = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`small${i}`, [20] as Given]))
  const tiles = layOutAll(look([{ large: [1_000_000], ...small }], { top: 1, base: 1 }))
  expect(tiles.length).toBeLessThan(10)
  const areas = tiles.slice(1).map(({ x0, y0, x1, y1 }) => (x1 - x0) * (y1 - y0))
  expect(areas.reduce((sum, one) => sum + one, 0)).toBeCloseTo(300 * 200, 3)
  expect(areas[0]! / areas[1]!).toBeCloseTo(1_000_000 / 100_000, 3)
  expect(tileAt(tiles, 1, 1)?.node).toBe(1)
  expect(tileAt(tiles, 299, 199)?.node).toBe(-1)
  expect(tileAt(tiles, 301, 1)).toBe(undefined)
})

test('what a layer removed takes space only where its changes alone are shown', () => {
  const layers = [
    { 'a/kept': [100], 'a/gone': [100], 'b/gone': [100] },
    { 'a/gone': { kind: 'remove' }, b: { kind: 'remove' } },
  ] as const
  const names = (span: Span) => {
    const view = look(layers, span)
    return layOutAll(view)
      .slice(1)
      .map(({ node, x0, y0, x1, y1 }) => `${view.image.tree.name[node]} ${Math.round((x1 - x0) * (y1 - y0))}`)
  }
  expect(names({ top: 2, base: 1 }).map((one) => one.split(' ')[0])).toEqual(['a', 'kept'])
  expect(names({ top: 2, base: 1 })[0]).toBe('a 60000')
  expect(names({ top: 2, base: 1, onlyChanges: true }).map((one) => one.split(' ')[0])).toEqual([
    'a',
    'gone',
    'b',
    'gone',
  ])
})
