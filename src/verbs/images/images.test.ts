import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type HostBench, hostBench } from '../../../test/kit/hosts.ts'
import type { ImageFilter } from '../../api/index.ts'
import { readTime } from '../../images/image-filters.ts'
import { findImage } from '../../images/stored-image.ts'
import { images } from './images.ts'
import { tag } from './tag.ts'

/** Four images, an hour between them: old, mid, new, and one that lost its name. */
async function shelf(): Promise<HostBench> {
  const bench = hostBench()
  await bench.build('old:1', ['FROM scratch', 'LABEL a=1 b=2', 'COPY f /'], { files: { f: 'first' } })
  bench.later()
  await bench.build('lost', ['FROM scratch', 'COPY f /x'])
  bench.later()
  await bench.build('me/mid', ['FROM scratch', 'LABEL a=2', 'COPY f f2 /'], { files: { f2: 'second file' } })
  await tag(bench.host, 'me/mid', 'quay.io/me/mid:2')
  bench.later()
  await bench.build('lost', ['FROM scratch', 'COPY f /y'])
  return bench
}

async function list(bench: HostBench, ...filters: string[]): Promise<string[]> {
  return (await images(bench.host, { filters: filters as ImageFilter[] })).map(({ repository, tag }) =>
    repository === undefined ? '<none>' : `${repository}:${tag}`,
  )
}

test('images are listed newest first, a line for every name, a nameless one as well', async () => {
  const bench = await shelf()
  expect(await list(bench)).toEqual(['lost:latest', 'me/mid:latest', 'quay.io/me/mid:2', '<none>', 'old:1'])
  const [first, mid] = await images(bench.host)
  expect(mid).toMatchObject({
    size: 'first'.length + 'second file'.length,
    labels: { a: '2' },
    platform: 'linux/amd64',
    created: '2026-01-01T02:00:00Z',
  })
  expect(first!.id).toBe(findImage(bench.store, 'lost').id)
})

test.each([
  [['dangling=true'], ['<none>']],
  [['dangling=false'], ['lost:latest', 'me/mid:latest', 'quay.io/me/mid:2', 'old:1']],
  [['label=a'], ['me/mid:latest', 'quay.io/me/mid:2', 'old:1']],
  [['label=a=1'], ['old:1']],
  [['label=a', 'label=b=2'], ['old:1']],
  [['label=a=3'], []],
  [['label!=a'], ['lost:latest', '<none>']],
  [['before=me/mid'], ['<none>', 'old:1']],
  [['since=old:1'], ['lost:latest', 'me/mid:latest', 'quay.io/me/mid:2', '<none>']],
  [
    ['since=old:1', 'before=lost'],
    ['me/mid:latest', 'quay.io/me/mid:2', '<none>'],
  ],
  [['reference=old'], ['old:1']],
  [['reference=*/mid'], ['me/mid:latest']],
  [['reference=*:latest'], ['lost:latest']],
  [
    ['reference=old', 'reference=*/mid'],
    ['me/mid:latest', 'old:1'],
  ],
  [
    ['reference=old', 'reference=*/mid', 'reference=nothing'],
    ['me/mid:latest', 'old:1'],
  ],
  [['reference=old', 'dangling=true'], []],
  [['reference=quay.io/*/*:2'], ['quay.io/me/mid:2']],
  [['until=90m'], ['<none>', 'old:1']],
  [['until=2026-01-01T00:30:00Z'], ['old:1']],
])('of these, %j lets through %j', async (filters, lines) => {
  expect(await list(await shelf(), ...filters)).toEqual(lines)
})

test.each(['dangling', 'dangling=maybe', 'colour=red', 'until=soon'])('%s is no filter', async (filter) => {
  await expect(list(await shelf(), filter)).rejects.toMatchObject({
    code: 'FILTER_INVALID',
    remedy: expect.stringContaining('reference='),
  })
})

test('an image cannot be both dangling and not', async () => {
  await expect(list(await shelf(), 'dangling=1', 'dangling=false')).rejects.toMatchObject({ code: 'FILTER_INVALID' })
  expect(await list(await shelf(), 'dangling=1', 'dangling=true')).toEqual(['<none>'])
})

test('a filter that names an image which is not there says so', async () => {
  await expect(list(await shelf(), 'before=nothing')).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN' })
})

test.each([
  ['old', ['old:1']],
  ['old:1', ['old:1']],
  ['old:2', []],
  ['docker.io/library/old', ['old:1']],
  ['me/*', ['me/mid:latest']],
  ['quay.io/me/mid:*', ['quay.io/me/mid:2']],
])('the reference %s selects %j', async (reference, lines) => {
  const bench = await shelf()
  expect((await images(bench.host, { reference })).map((line) => `${line.repository}:${line.tag}`)).toEqual(lines)
})

test.each([
  ['10', 10_000],
  ['1.5', 1500],
  ['24h', -86_400_000],
  ['1h30m', -5_400_000],
  ['500ms', -500],
  ['1970-01-01T00:00:05Z', 5000],
  ['yesterday', undefined],
  ['', undefined],
])('the time %j is %j', (text, milliseconds) => {
  expect(readTime(text, new Date(0))).toBe(milliseconds)
})

test('an image is found by every way to name it', async () => {
  const bench = await shelf()
  const { id, root, names } = findImage(bench.store, 'me/mid')
  expect(names.length).toBe(2)
  const hex = id.slice('sha256:'.length)
  for (const text of [
    'me/mid:latest',
    'docker.io/me/mid',
    'index.docker.io/me/mid:latest',
    'quay.io/me/mid:2',
    id,
    hex,
    hex.slice(0, 12),
    `sha256:${hex.slice(0, 9)}`,
    root.digest,
    `me/mid@${root.digest}`,
    `quay.io/me/mid@${root.digest}`,
  ])
    expect(findImage(bench.store, text).id, text).toBe(id)
})

test.each([
  'nothing',
  'me/mid:3',
  'mid',
  'ffffffffffff',
  `old@sha256:${'0'.repeat(64)}`,
  'UPPER',
  '',
  'a b',
  'sha256:',
  'sha256:xyz',
])('%j is no image', async (text) => {
  const bench = await shelf()
  expect(() => findImage(bench.store, text)).toThrow(
    expect.objectContaining({ code: 'IMAGE_UNKNOWN', message: expect.stringContaining(`No such image: ${text}`) }),
  )
})

test('a digest of one repository is not found under the name of another', async () => {
  const bench = await shelf()
  const { root } = findImage(bench.store, 'old:1')
  expect(() => findImage(bench.store, `me/mid@${root.digest}`)).toThrow(
    expect.objectContaining({ code: 'IMAGE_UNKNOWN' }),
  )
})

test('a name that was probably meant is offered', async () => {
  const bench = await shelf()
  expect(() => findImage(bench.store, 'me/mit')).toThrow(expect.objectContaining({ remedy: 'Did you mean "me/mid"?' }))
})

test('a name comes before an ID that begins with the same letters', async () => {
  const bench = await shelf()
  const mid = findImage(bench.store, 'me/mid')
  await tag(bench.host, 'old:1', mid.id.slice(7, 15))
  expect(findImage(bench.store, mid.id.slice(7, 15)).id).toBe(findImage(bench.store, 'old:1').id)
})

test('an ID that several images have the beginning of is not guessed', async () => {
  const bench = hostBench()
  const beginnings = new Set<string>()
  // There are sixteen first digits: the seventeenth image at the latest shares one.
  for (let i = 0; ; i++) {
    const { id } = await bench.build(undefined, ['FROM scratch', `LABEL n=${i}`])
    const beginning = id.slice(0, 'sha256:x'.length)
    const isNew = !beginnings.has(beginning)
    beginnings.add(beginning)
    if (isNew) continue
    expect(() => findImage(bench.store, beginning)).toThrow(expect.objectContaining({ code: 'IMAGE_AMBIGUOUS' }))
    return
  }
})

test('an image of which something is missing is not listed, and the others are', async () => {
  const bench = await shelf()
  rmSync(bench.store.blobs.path(findImage(bench.store, 'old:1').id))
  expect(await list(bench)).toEqual(['lost:latest', 'me/mid:latest', 'quay.io/me/mid:2', '<none>'])
})

test('a tag is another name; a digest is not', async () => {
  const bench = await shelf()
  const { id, root } = findImage(bench.store, 'old:1')
  await tag(bench.host, id.slice(7, 19), 'new/name')
  expect(findImage(bench.store, 'new/name:latest').id).toBe(id)
  await expect(tag(bench.host, 'old:1', `x@${root.digest}`)).rejects.toMatchObject({ code: 'REFERENCE_INVALID' })
  await expect(tag(bench.host, 'nothing', 'x')).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN' })
})
