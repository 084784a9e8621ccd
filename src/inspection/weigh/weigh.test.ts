import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isRoot, noise, openBench, shared, temporaryFolder } from '../../../test/kit/cli.ts'
import { hasProgram, unlessMissing } from '../../../test/kit/needs.ts'
import { dockerArchive, filesOf, gzipped, layout, tarOf } from '../../../test/kit/tiny-archive.ts'
import { tinyImage } from '../../../test/kit/tiny-image.ts'
import type { WeighRules } from '../../api/index.ts'
import { openTare } from '../../verbs/index.ts'
import { typeOfFolder, typeOfName } from './file-type.ts'

type TinyFile = readonly [path: string, contents: string]

/** Weighs an image with a layer for each file. */
async function weigh(files: readonly TinyFile[], rules: WeighRules = {}) {
  const folder = temporaryFolder()
  const path = join(folder, 'image.tar')
  writeFileSync(path, tarOf(dockerArchive(tinyImage({ files }))))
  const tare = await openTare({ home: join(folder, 'home'), environment: {} })
  return tare.images.weigh({ image: `docker-archive:${path}`, rules })
}

test('an image of one file of each name wastes nothing', async () => {
  const { findings, ...result } = await weigh([
    ['bin/x', 'x'.repeat(5000)],
    ['etc/motd', 'hello'],
  ])
  expect(result).toMatchObject({ size: 5005, visible: 5005, wasted: 0, efficiency: 1, diveWasted: 0, wastedPaths: [] })
  expect(result.layers.map(({ size, files, wasted }) => [size, files, wasted])).toEqual([
    [5000, 1, 0],
    [5, 1, 0],
  ])
  expect(result.directories).toEqual([
    { path: '', size: 5005, files: 2 },
    { path: 'bin', size: 5000, files: 1 },
    { path: 'etc', size: 5, files: 1 },
  ])
  expect(findings).toEqual([])
})

test('a file that a later layer replaces is wasted, and one that it removes', async () => {
  const result = await weigh([
    ['a', 'a'.repeat(1000)],
    ['b', 'b'.repeat(300)],
    ['a', 'A'.repeat(400)],
    ['.wh.b', ''],
  ])
  expect(result).toMatchObject({ size: 1700, visible: 400, wasted: 1300 })
  expect(result.wastedPaths).toEqual([
    { path: 'a', size: 1000, copies: 1, became: 'replaced' },
    { path: 'b', size: 300, copies: 1, became: 'removed' },
  ])
  expect(result.layers.map(({ wasted }) => wasted)).toEqual([1000, 300, 0, 0])
  // By hand, as dive does it: a takes 400 at least of 1400, b nothing at least of 300.
  expect(result.efficiency).toBeCloseTo(400 / 1700, 10)
  expect(result.diveWasted).toBe(1700)
  expect(result.diveWastedShare).toBeCloseTo(1700 / 700, 10)
})

test('what a removed or hidden directory held is wasted', async () => {
  const removed = await weigh([
    ['d/one', '1'.repeat(100)],
    ['d/two', '2'.repeat(50)],
    ['.wh.d', ''],
  ])
  expect(removed).toMatchObject({ visible: 0, wasted: 150 })
  // The whiteout counts for the directory's 150 bytes.
  expect(removed.efficiency).toBeCloseTo((100 + 50 + 150) / 300, 10)
  const hidden = await weigh([
    ['d/one', '1'.repeat(100)],
    ['d/.wh..wh..opq', ''],
    ['d/two', '2'.repeat(50)],
  ])
  expect(hidden).toMatchObject({ visible: 50, wasted: 100 })
})

test('a layer that is there twice wastes its lower copy', async () => {
  const twice = await weigh([
    ['a', 'a'.repeat(100)],
    ['a', 'a'.repeat(100)],
  ])
  expect(twice.layers.map(({ wasted }) => wasted)).toEqual([100, 0])
})

test('files of one content are duplicates, in every form of an archive', async () => {
  const files: readonly TinyFile[] = [
    ['a', 'same content'],
    ['b/c', 'same content'],
    ['d', 'of this size'],
    ['e', ''],
    ['f', ''],
  ]
  const image = tinyImage({ files })
  for (const form of [layout(image), layout(gzipped(image))]) {
    const folder = temporaryFolder()
    const tare = await openTare({ home: join(folder, 'home'), environment: {} })
    const { duplicates } = await tare.images.weigh({ image: `oci:${filesOf(form, join(folder, 'layout'))}` })
    expect(duplicates.map(({ size, paths }) => [size, paths])).toEqual([[12, ['a', 'b/c']]])
  }
})

describe('rules', () => {
  const files: readonly TinyFile[] = [
    ['a', 'a'.repeat(1000)],
    ['a', 'A'.repeat(400)],
  ]
  test.each<[WeighRules, string[]]>([
    [
      { maxSize: 1400, maxWasted: 1000, minEfficiency: 400 / 1400, maxWastedShare: 1400 / 400, maxDiveWasted: 1400 },
      [],
    ],
    [{ maxSize: 1399 }, ['maxSize 1399 1400']],
    [{ maxWasted: 999 }, ['maxWasted 999 1000']],
    [{ maxDiveWasted: 1000 }, ['maxDiveWasted 1000 1400']],
    [{ maxWastedShare: 1 }, ['maxWastedShare 1 3.5']],
    [{ minEfficiency: 0.5 }, [`minEfficiency 0.5 ${400 / 1400}`]],
  ])('the rules %j find what breaks them', async (rules, findings) => {
    const result = await weigh(files, rules)
    expect(result.findings.map(({ rule, limit, found }) => `${rule} ${limit} ${found}`)).toEqual(findings)
  })
})

const rootFiles = existsSync(join(shared, 'alpine'))
  ? readdirSync(join(shared, 'alpine')).find((name) => name.endsWith('x86_64.tar.gz'))
  : undefined

test.skipIf(
  !unlessMissing(rootFiles !== undefined && isRoot && hasProgram('find'), 'root, find and the Alpine root filesystem'),
)('sums of Alpine are those of du on the unpacked tree, and its packages have their sizes', async () => {
  const bench = openBench()
  const archive = join(shared, 'alpine', rootFiles!)
  const unpacked = join(bench.folder, 'unpacked')
  mkdirSync(unpacked)
  execFileSync('tar', ['-xf', archive, '-C', unpacked])
  const sum = Number(
    execFileSync(
      'sh',
      ['-c', `find "$0" -type f -printf '%i %s\\n' | sort -u | awk '{ s += $2 } END { print s }'`, unpacked],
      {
        encoding: 'utf8',
      },
    ),
  )
  const tare = await openTare({ home: join(bench.folder, 'home'), environment: {} })
  await tare.images.import({ from: { path: archive }, name: 'alpine' })
  const result = await tare.images.weigh({ image: 'alpine' })
  expect(result).toMatchObject({ size: sum, visible: sum, wasted: 0, efficiency: 1 })
  const usr = Number(
    execFileSync('sh', ['-c', `find "$0/usr" -type f -printf '%s\\n' | awk '{ s += $1 } END { print s }'`, unpacked], {
      encoding: 'utf8',
    }),
  )
  expect(result.directories.find(({ path }) => path === 'usr')?.size).toBe(usr)
  expect(result.packages.find(({ name }) => name === 'musl')?.size).toBeGreaterThan(500_000)
})

test('types and duplicates are those that a count of each file by itself finds', async () => {
  const names = [
    'a.js',
    'b.js',
    'c.min.js',
    'js',
    '.js',
    'x.d.ts',
    'Makefile',
    'tool',
    'lib.so.1',
    'lib.so.2',
    'ä.js',
    'z.none',
  ]
  const folders = ['', 'd/', 'd/e/', 'usr/share/doc/']
  const pick = <T>(list: readonly T[], byte: number) => list[byte % list.length]!
  const files = Array.from(
    noise(600),
    (byte, i): TinyFile => [
      `${pick(folders, byte >> 5)}${i % 7}/${i >> 4}${pick(names, byte)}`,
      byte < 20 ? '' : 'x'.repeat(1 + (byte % 40)),
    ],
  )
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'rootfs.tar'), tarOf(Object.fromEntries(files)))
  const tare = await openTare({ home: join(folder, 'home'), environment: {} })
  await tare.images.import({ from: { path: join(folder, 'rootfs.tar') }, name: 'app' })
  const result = await tare.images.weigh({ image: 'app' })
  const types = new Map<string, { size: number; files: number }>()
  const same = new Map<string, string[]>()
  for (const [path, text] of Object.entries(Object.fromEntries(files))) {
    const slash = path.lastIndexOf('/') + 1
    const type = typeOfFolder(path.slice(0, slash)) ?? typeOfName(path.slice(slash), 0o644)
    const { size, files: count } = types.get(type) ?? { size: 0, files: 0 }
    types.set(type, { size: size + text.length, files: count + 1 })
    if (text !== '') same.set(text, [...(same.get(text) ?? []), path])
  }
  expect(new Map(result.types.map(({ type, size, files }) => [type, { size, files }]))).toEqual(types)
  expect(types.size).toBeGreaterThan(4)
  const groups = [...same.values()].filter((paths) => paths.length > 1).map((paths) => paths.sort())
  expect(result.duplicates.map(({ paths }) => [...paths].sort()).sort()).toEqual(groups.sort())
})
