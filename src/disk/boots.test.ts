import { mkdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../test/kit/cli.ts'
import { listDoubtful, noteBoot, thisBoot } from './boots.ts'

// Directories are made now: that these are of an earlier boot is told by one that begins later.
const first = { id: 'first', began: Date.now() - 1000 }
const second = { id: 'second', began: Date.now() + 3_600_000 }

function openFolder() {
  const folder = temporaryFolder()
  const note = join(folder, 'root.boot')
  const layers = join(folder, 'root')
  const layer = join(layers, 'layer')
  noteBoot(note, first)
  mkdirSync(layer, { recursive: true })
  return { note, layers, layer }
}

test('what was unpacked just before the machine ended is doubtful', () => {
  const { note, layers, layer } = openFolder()
  expect(listDoubtful(note, [layers], first)).toEqual([])
  expect(listDoubtful(note, [layers, join(layers, 'none')], second)).toEqual([layer])
  noteBoot(note, second)
  expect(listDoubtful(note, [layers], second)).toEqual([])
})

test('what the machine had time to write is trusted in the next boot', () => {
  const { note, layers } = openFolder()
  const later = new Date(Date.now() + 200_000)
  utimesSync(note, later, later)
  expect(listDoubtful(note, [layers], second)).toEqual([])
})

test('what another process has unpacked since this boot is not doubtful', () => {
  const { note, layers } = openFolder()
  expect(listDoubtful(note, [layers], { id: 'second', began: Date.now() - 60_000 })).toEqual([])
})

test('where boots cannot be told apart everything is trusted', () => {
  const { note, layers } = openFolder()
  expect(listDoubtful(note, [layers], { ...second, id: '' })).toEqual([])
  expect(thisBoot().began).toBeLessThan(Date.now())
})
