import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type Bytes, collect, flow } from '../../support/index.ts'
import { decompress, decompressSmall, type Format } from './index.ts'
import { largestOutput } from './limit.ts'
import { XxHash } from './xxhash.ts'

const programs = ['gzip', 'zstd', 'xz', 'bzip2'] as const
const path = process.env['PATH']
const nowhere = mkdtempSync(join(tmpdir(), 'tare-test-'))
afterAll(() => rmSync(nowhere, { recursive: true }))

const packed = new WeakMap<Uint8Array, Map<string, Buffer>>()

/** Packs with the program; each of the bytes only once, as packing would take most of the time of these tests. */
function pack(program: string, bytes: Uint8Array, ...args: string[]): Buffer {
  const archives = packed.get(bytes) ?? new Map<string, Buffer>()
  packed.set(bytes, archives)
  const command = [program, ...args].join(' ')
  const archive = archives.get(command) ?? packAnew(program, bytes, ...args)
  archives.set(command, archive)
  return archive
}

function packAnew(program: string, bytes: Uint8Array, ...args: string[]): Buffer {
  const { stdout, status, stderr } = spawnSync(program, ['-c', ...args], {
    input: bytes,
    maxBuffer: 1e9,
    env: { ...process.env, PATH: path },
  })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
  return stdout
}

const isThere = (program: string) => spawnSync(program, ['--version'], { input: '' }).error === undefined
const present = programs.filter(isThere)
const installed = (program: (typeof programs)[number]) => present.includes(program)
for (const program of programs)
  if (!installed(program)) console.warn(`skipped: there is no ${program} to make archives with`)

async function* cut(bytes: Uint8Array, size: number): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function unpack(bytes: Uint8Array, size = 1000, limit?: number): Promise<Buffer> {
  return collect((await decompress(cut(bytes, size), limit)).bytes, 1e9)
}

const text = Buffer.from(Array.from({ length: 10_000 }, (_, i) => `line ${i * 7919}\n`).join(''))
const mixed = Buffer.concat([text, randomBytes(100_000), Buffer.alloc(300_000), Buffer.from('aaaa'.repeat(999)), text])
const empty = Buffer.alloc(0)
const uniform = Buffer.alloc(1_000_000, 'x')
const random = randomBytes(100_000)
const large = randomBytes(2_000_000)

const ways = [
  { name: 'with the programs', path },
  { name: 'with no program on the PATH', path: nowhere },
]

describe.each(ways)('$name', ({ path: visible }) => {
  beforeEach(() => {
    process.env['PATH'] = visible
    if (visible !== path) expect(programs.filter(isThere)).toEqual([])
  })
  afterEach(() => {
    process.env['PATH'] = path
  })

  describe.each(programs.filter(installed))('%s', (program) => {
    test('what the program packs comes out again, however it is cut', async () => {
      for (const plain of [empty, Buffer.from('a'), uniform, random]) {
        expect((await unpack(pack(program, plain), 64 * 1024)).equals(plain)).toBe(true)
      }
      for (const level of ['-1', '-9']) {
        expect((await unpack(pack(program, mixed, level), 64 * 1024)).equals(mixed)).toBe(true)
      }
      const packed = pack(program, text)
      for (const size of [7, 512, 1e9]) expect((await unpack(packed, size)).equals(text)).toBe(true)
    })

    test('archives one after the other come out as one', async () => {
      const [a, b, c] = [text, empty, mixed]
      const packed = Buffer.concat([pack(program, a), pack(program, b), pack(program, c)])
      expect((await unpack(packed, 4096)).equals(Buffer.concat([a, b, c]))).toBe(true)
      const ends = [pack(program, a), pack(program, c)]
      expect((await collect((await decompress(flow(...ends))).bytes, 1e9)).equals(Buffer.concat([a, c]))).toBe(true)
    })

    test('an archive that is cut short is an error wherever it was cut', async () => {
      const packed = pack(program, mixed)
      for (const end of [12, 20, packed.length >> 1, packed.length - 9, packed.length - 4, packed.length - 1]) {
        await expect(unpack(packed.subarray(0, end))).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' })
      }
      const two = Buffer.concat([pack(program, text), packed.subarray(0, 20)])
      await expect(unpack(two)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' })
    })

    test('a changed byte is an error', async () => {
      const packed = pack(program, mixed, ...(program === 'zstd' ? ['--check'] : []))
      for (let i = 1; i < 10; i++) {
        const changed = Buffer.from(packed)
        changed[Math.floor((packed.length * i) / 10)]! ^= 0x10
        await expect(unpack(changed, 50_000)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' })
      }
    })

    test('other bytes behind the end are an error', async () => {
      const packed = pack(program, text)
      await expect(unpack(Buffer.concat([packed, Buffer.from('garbage')]))).rejects.toMatchObject({
        code: 'ARCHIVE_CORRUPT',
      })
      await expect(unpack(Buffer.concat([packed, Buffer.from('garbage')]), 1e9)).rejects.toMatchObject({
        code: 'ARCHIVE_CORRUPT',
      })
      await expect(collect((await decompress(flow(packed, Buffer.from('garbage')))).bytes, 1e9)).rejects.toMatchObject({
        code: 'ARCHIVE_CORRUPT',
      })
    })

    test('more than the limit is a bomb, and exactly the limit is not', async () => {
      const packed = pack(program, mixed)
      expect((await unpack(packed, 1000, mixed.length)).length).toBe(mixed.length)
      await expect(unpack(packed, 1000, mixed.length - 1)).rejects.toMatchObject({
        code: 'ARCHIVE_BOMB',
        remedy: expect.stringContaining('TARE_UNPACK_LIMIT'),
      })
    })

    test('who stops early closes the source, and nothing is left running', async () => {
      const packed = pack(program, large)
      let closed = false
      const source = async function* (): Bytes {
        try {
          yield* cut(packed, 10_000)
        } finally {
          closed = true
        }
      }
      for await (const chunk of (await decompress(source())).bytes) {
        expect(chunk.length).toBeGreaterThan(0)
        break
      }
      await expect.poll(() => closed).toBe(true)
      await expect.poll(() => process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap')).toEqual([])
    })

    test('an error of the source comes through as it is', async () => {
      const packed = pack(program, mixed)
      const source = async function* (): Bytes {
        yield packed.subarray(0, 50_000)
        throw new Error('the line is dead')
      }
      await expect(collect((await decompress(source())).bytes, 1e9)).rejects.toThrow('the line is dead')
    })
  })
})

test.each(present)('%s is unpacked without the program if the PATH leads through a file', async (program) => {
  const packed = pack(program, text)
  process.env['PATH'] = import.meta.filename
  onTestFinished(() => {
    process.env['PATH'] = path
  })
  expect(programs.filter(isThere)).toEqual([])
  expect((await unpack(packed)).equals(text)).toBe(true)
})

test('what is not compressed comes through as it is', async () => {
  for (const plain of [text, Buffer.alloc(0), Buffer.from('BZ'), Buffer.from([0x1f]), Buffer.alloc(3)]) {
    const { format, bytes } = await decompress(cut(plain, 3))
    expect(format).toBe('none')
    expect((await collect(bytes, 1e9)).equals(plain)).toBe(true)
  }
})

test('a source that is not read to its end is closed', async () => {
  let closed = false
  const source = async function* (): Bytes {
    try {
      yield Buffer.from('some plain text')
      yield Buffer.from('more of it')
    } finally {
      closed = true
    }
  }
  for await (const _ of (await decompress(source())).bytes) break
  expect(closed).toBe(true)
})

test.skipIf(!installed('gzip'))('a gzip may be padded with zeros, but nothing is read behind them', async () => {
  const packed = pack('gzip', text)
  expect((await unpack(Buffer.concat([packed, Buffer.alloc(700)]), 100)).equals(text)).toBe(true)
  await expect(unpack(Buffer.concat([packed, Buffer.alloc(9), packed]), 100)).rejects.toMatchObject({
    code: 'ARCHIVE_CORRUPT',
  })
})

test.skipIf(!installed('gzip'))('a small gzip is unpacked in one go, by the same rules', async () => {
  const packed = pack('gzip', text)
  expect((await decompressSmall(packed))?.equals(text)).toBe(true)
  expect((await decompressSmall(Buffer.concat([packed, packed])))?.equals(Buffer.concat([text, text]))).toBe(true)
  expect((await decompressSmall(Buffer.concat([packed, Buffer.alloc(9)])))?.equals(text)).toBe(true)
  expect((await decompressSmall(packed, text.length))?.length).toBe(text.length)
  expect(await decompressSmall(text)).toBeUndefined()
  await expect(decompressSmall(packed, text.length - 1)).rejects.toMatchObject({ code: 'ARCHIVE_BOMB' })
  await expect(decompressSmall(packed.subarray(0, -1))).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' })
  await expect(decompressSmall(packed.subarray(0, 3))).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' })
  await expect(decompressSmall(Buffer.concat([packed, Buffer.from('x')]))).rejects.toMatchObject({
    code: 'ARCHIVE_CORRUPT',
  })
  await expect(decompressSmall(Buffer.concat([packed, Buffer.alloc(9), packed]))).rejects.toMatchObject({
    code: 'ARCHIVE_CORRUPT',
  })
})

test.skipIf(!installed('gzip'))('of a few expected bytes the same comes out, whatever really comes', async () => {
  const packed = pack('gzip', text)
  const unpack = async (bytes: Uint8Array, expected: number, limit?: number) =>
    collect((await decompress(cut(bytes, 5000), limit, expected)).bytes, 1e9)
  const two = Buffer.concat([packed, packed, Buffer.alloc(9)])
  for (const expected of [packed.length, 0, 10, two.length, 1e7]) {
    expect((await unpack(packed, expected)).equals(text)).toBe(true)
    expect((await unpack(two, expected)).equals(Buffer.concat([text, text]))).toBe(true)
    expect((await unpack(text, expected)).equals(text)).toBe(true)
  }
  for (const damaged of [packed.subarray(0, -1), packed.subarray(0, 3), Buffer.concat([packed, Buffer.from('x')])])
    await expect(unpack(damaged, damaged.length)).rejects.toMatchObject({ code: 'ARCHIVE_CORRUPT' })
  await expect(unpack(packed, packed.length, text.length - 1)).rejects.toMatchObject({ code: 'ARCHIVE_BOMB' })
  // What swells is not gathered in memory, whether its end says so or not.
  const zeros = Buffer.alloc(20 << 20)
  for (const more of [Buffer.alloc(0), pack('gzip', Buffer.from('a'))]) {
    const swelling = Buffer.concat([pack('gzip', zeros), more])
    const sizes: number[] = []
    for await (const chunk of (await decompress(flow(swelling), undefined, swelling.length)).bytes)
      sizes.push(chunk.length)
    expect(sizes.reduce((sum, size) => sum + size)).toBe(zeros.length + (more.length === 0 ? 0 : 1))
    expect(Math.max(...sizes)).toBeLessThan(1 << 20)
  }
})

test('the format is told by the first bytes', async () => {
  const heads: readonly (readonly [Format, string])[] = [
    ['gzip', '1f8b0800'],
    ['none', '1f8b0700'],
    ['bzip2', '425a6839'],
    ['xz', 'fd377a585a00'],
    ['none', 'fd377a585a'],
    ['zstd', '28b52ffd'],
    ['zstd', '502a4d1800000000'],
    ['zstd', '5f2a4d1803000000616263'],
    ['none', '602a4d1800000000'],
    ['none', '502a4d18'],
    ['none', ''],
  ]
  for (const [format, head] of heads)
    expect((await decompress(flow(Buffer.from(head, 'hex')))).format, head).toBe(format)
})

test('a zstd frame that asks for gigabytes of memory, or for a dictionary, is refused', async () => {
  const largeWindow = Buffer.from('28b52ffd00ff010000', 'hex')
  const dictionary = Buffer.from('28b52ffd2105000100000000', 'hex')
  for (const packed of [largeWindow, dictionary]) {
    await expect(unpack(packed)).rejects.toMatchObject({ code: 'ARCHIVE_UNSUPPORTED', remedy: expect.any(String) })
  }
})

test.skipIf(!installed('xz'))('what is not built in for xz is said to need the program', async () => {
  const packed = pack('xz', text, '--check=sha256')
  expect((await unpack(packed)).equals(text)).toBe(true)
  process.env['PATH'] = nowhere
  try {
    await expect(unpack(packed)).rejects.toMatchObject({
      code: 'ARCHIVE_UNSUPPORTED',
      remedy: expect.stringContaining('Install'),
    })
  } finally {
    process.env['PATH'] = path
  }
})

test('without a limit, 1 GiB may come out of anything and 200 times its bytes out of what is large', () => {
  const GiB = 1024 ** 3
  expect([0, 1000, 5 * 1024 ** 2, 8 * 1024 ** 2, GiB].map((read) => largestOutput(read, undefined))).toEqual([
    ...[GiB, GiB, GiB, 200 * 8 * 1024 ** 2, 200 * GiB],
  ])
  expect(largestOutput(GiB, 5000)).toBe(5000)
})

test('the hash of zstd is XXH64, whatever the pieces', () => {
  const hash = (...pieces: readonly string[]) => {
    const state = new XxHash()
    for (const piece of pieces) state.add(Buffer.from(piece))
    return state.low32().toString(16)
  }
  // The whole hashes are ef46db3751d8e999, 44bc2cf5ad770999 and fbcea83c8a378bf1.
  expect(hash()).toBe('51d8e999')
  expect(hash('a', 'bc')).toBe('ad770999')
  expect(hash('Nobody inspects', ' the spammish repetition')).toBe('8a378bf1')
})
