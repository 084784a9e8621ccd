import { expect, test } from 'vitest'
import { exploredImage } from '../../test/kit/explored-image.ts'
import { findPattern, findWords, type Matches, modelOf, pathOf, type View, viewOf } from './index.ts'

const openAt = (layers: Parameters<typeof exploredImage>[0], top = layers.length) =>
  viewOf(modelOf(exploredImage(layers)).images[0], { top, base: top })

const named = ({ image }: View, matches: Matches | undefined, level: number) =>
  [...(matches?.found ?? [])].flatMap((one, path) => (one === level ? [pathOf(image.tree, path)] : []))

test('words are all wanted, in the name or, with a slash, in the path; and not what is gone', () => {
  const view = openAt([
    { 'bin/sh': [1], 'bin/sh2': [2], 'bin/sh3': [3], 'etc/motd': [4] },
    { 'etc/motd': { kind: 'remove' } },
  ])
  const found = (text: string) => named(view, findWords([view], text), 2)
  expect(found('SH')).toEqual(['/bin/sh', '/bin/sh2', '/bin/sh3'])
  expect(found('sh 3')).toEqual(['/bin/sh3'])
  expect(found('bin/s 2')).toEqual(['/bin/sh2'])
  expect(found('motd')).toEqual([])
  expect(findWords([view], '  ')).toBe(undefined)
})

test('a pattern is an expression, or a text where it is none; small letters stand for capital ones', () => {
  const view = openAt([{ 'usr/LICENSE': [1], 'usr/c++/a[1]': [1], 'x/usr/b': [1] }])
  const found = (text: string) => named(view, findPattern([view], text), 2)
  expect(found('license')).toEqual(['/usr/LICENSE'])
  expect(found('lic.*e$')).toEqual(['/usr/LICENSE'])
  expect(found('License')).toEqual([])
  expect(found('c++')).toEqual(['/usr/c++'])
  expect(found('a[')).toEqual(['/usr/c++/a[1]'])
  expect(found('^/x|a.1')).toEqual(['/usr/c++/a[1]', '/x', '/x/usr', '/x/usr/b'])
  expect(found('r/b')).toEqual(['/x/usr/b'])
  expect(findPattern([view], '')).toBe(undefined)
})

test('directories on the way to what is found are told from it, and from what is in a directory that is found', () => {
  const view = openAt([{ 'usr/lib/tool/a': [1], 'usr/lib/tool/tool.so': [1], 'usr/share/b': [1] }])
  for (const matches of [findWords([view], 'tool'), findPattern([view], 'tool')]) {
    expect(matches?.count).toBe(2)
    expect(named(view, matches, 1)).toEqual(['/', '/usr', '/usr/lib'])
    expect(named(view, matches, 2)).toEqual(['/usr/lib/tool', '/usr/lib/tool/tool.so'])
    expect(named(view, matches, 3)).toEqual(['/usr/lib/tool/a'])
    expect(named(view, matches, 0)).toEqual(['/usr/share', '/usr/share/b'])
  }
})
