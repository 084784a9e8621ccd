import { expect, test } from 'vitest'
import { exploredImage, type Given } from '../../../test/kit/explored-image.ts'
import { modelOf, type Span, viewOf } from '../explorer.ts'
import { layOut, tileAt } from './layout.ts'

const area = { x0: 0, y0: 0, x1: 300, y1: 200 }
const look = (layers: Parameters<typeof exploredImage>[0], span: Span) =>
  viewOf(modelOf(exploredImage(layers)).images[0], span)

test('a treemap fills its rectangle, and what is too small is there together', () => {
  const small = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`small${i}`, [20] as Given]))
  const tiles = layOut(look([{ large: [1_000_000], ...small }], { top: 1, base: 1 }), 0, area)
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
    return layOut(view, 0, area)
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
