import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../../test/kit/scale.ts'
import { collect, flow, TareError } from '../../support/index.ts'
import { headerLength, looksLikeTar, type TarEntry, type TarHeader, tarHeadLength, writeTar } from './index.ts'
import { rawEntry, rawRecords, readWhole, scanWhole, type WholeEntry } from './test-kit.ts'

const name = fc
  .array(
    fc.oneof(
      fc.stringMatching(/^[a-z .-]{1,12}$/),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
      fc.constant('caf\udce9'),
    ),
    {
      minLength: 1,
      maxLength: 5,
    },
  )
  .map((parts) => parts.join('/').replaceAll('\0', '0').replaceAll('caf\ufffd', 'caf\udce9'))

const common = {
  path: name.map((path) => path.replace(/\/+$/, '') || 'x'),
  mode: fc.nat(0o7777),
  uid: fc.oneof(fc.nat(3000), fc.nat(2 ** 32 - 1)),
  gid: fc.oneof(fc.nat(3000), fc.nat(2 ** 32 - 1)),
  mtime: fc.oneof(fc.nat(2 ** 31), fc.integer({ min: -(2 ** 40), max: 2 ** 40 })),
  xattrs: fc.option(
    fc.dictionary(fc.stringMatching(/^user\.[a-z]{1,9}$/), fc.uint8Array({ maxLength: 50 }), {
      minKeys: 1,
      maxKeys: 3,
    }),
    { nil: undefined, freq: 4 },
  ),
}

const entry = fc.oneof(
  fc.record({ ...common, kind: fc.constant('file' as const), data: fc.uint8Array({ maxLength: 2000 }) }),
  fc.record({ ...common, kind: fc.constantFrom('directory' as const, 'fifo' as const) }),
  fc.record({ ...common, kind: fc.constantFrom('symlink' as const, 'hardlink' as const), link: name }),
  fc.record({
    ...common,
    kind: fc.constantFrom('char' as const, 'block' as const),
    deviceMajor: fc.nat(2 ** 21 - 1),
    deviceMinor: fc.nat(2 ** 21 - 1),
  }),
)

const entries = fc.array(
  entry.map(({ xattrs, ...fields }): WholeEntry => {
    const data = Buffer.from('data' in fields ? fields.data : [])
    const attributes =
      xattrs === undefined ? {} : { xattrs: new Map(Object.entries(xattrs).sort(([a], [b]) => (a < b ? -1 : 1))) }
    return { ...fields, ...attributes, size: data.length, mtimeNs: 0, data }
  }),
  { maxLength: 8 },
)

async function written(list: readonly WholeEntry[]): Promise<Buffer> {
  const each = async function* (): AsyncGenerator<TarEntry> {
    for (const { data, ...header } of list) yield { ...header, body: flow(data) }
  }
  return collect(writeTar(each()), 1e8)
}

test('what is written is what is read', async () => {
  await fc.assert(
    fc.asyncProperty(entries, fc.integer({ min: 1, max: 3000 }), async (list, size) => {
      const tar = await written(list)
      const expected = list.map((each) => ({ ...each, path: each.kind === 'directory' ? `${each.path}/` : each.path }))
      const plain = (each: WholeEntry) => ({ ...each, data: each.data.toString('hex'), xattrs: asText(each.xattrs) })
      expect((await readWhole(tar, size)).map(plain)).toEqual(expected.map(plain))
      expect(scanWhole(tar).map(plain)).toEqual(expected.map(plain))
      const lengths = list.map((each) => headerLength(each) + Math.ceil(each.data.length / 512) * 512)
      expect(tar.length).toBe(lengths.reduce((sum, length) => sum + length, 1024))
      expect(looksLikeTar(tar)).toBe(list.length > 0)
    }),
    { numRuns: runs(150) },
  )
})

function asText(xattrs: TarHeader['xattrs']): readonly (readonly [string, string])[] {
  return [...(xattrs ?? [])].map(([key, value]) => [key, Buffer.from(value).toString('hex')] as const)
}

test('an archive with flipped, lost or doubled bytes gives entries or a TareError, and nothing else', async () => {
  const sparseMap = '2\n0\n5\n2000\n5\n'.padEnd(512, '\0')
  const seeds = [
    Buffer.concat([
      rawEntry({ type: 'L', path: '././@LongLink' }, `${'n'.repeat(200)}\0`),
      rawEntry({ path: 'short', uid: '\x80\0\0\0\0\0\x01\0' }, 'body of a long name'),
      rawRecords(['path=päx', 'mtime=-1.5', 'uid=12', 'SCHILY.xattr.user.a=b']),
      rawEntry({}, 'x'.repeat(600)),
      rawRecords(['GNU.sparse.major=1', 'GNU.sparse.minor=0', 'GNU.sparse.name=s', 'GNU.sparse.realsize=3000']),
      rawEntry({}, `${sparseMap}0123456789`),
      rawRecords(['GNU.sparse.size=3000', 'GNU.sparse.numblocks=1', 'GNU.sparse.offset=5', 'GNU.sparse.numbytes=10']),
      rawEntry({}, '0123456789'),
      rawRecords(['comment=global'], 'g'),
      rawEntry({ type: '2', link: 'target' }),
      Buffer.alloc(1024),
    ]),
  ]
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.nat(255),
    kind: fc.constantFrom('set', 'flip', 'cut', 'double'),
  })
  const outcome = async (work: () => unknown): Promise<string> => {
    try {
      return JSON.stringify(await work())
    } catch (error) {
      if (!(error instanceof TareError)) throw error
      return error.code
    }
  }
  const briefly = (list: readonly WholeEntry[]) =>
    list.map(({ path, kind, size, data }) => [path, kind, size, data.toString('hex')])
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...seeds),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      async (seed, changes) => {
        let tar = Buffer.from(seed)
        for (const { at, byte, kind } of changes) {
          const position = Math.min(tar.length - 1, Math.floor(at * tar.length))
          if (kind === 'set') tar[position] = byte
          else if (kind === 'flip') tar[position]! ^= 1 << (byte & 7)
          else if (kind === 'cut') tar = tar.subarray(0, position + 1)
          else tar = Buffer.concat([tar.subarray(0, position), tar.subarray(position - (position % 512))])
          // Most changes would end at the checksum, so it is made right again, now and then.
          if (byte % 2 === 0) reseal(tar, position - (position % 512))
        }
        const flowing = await outcome(async () => briefly(await readWhole(tar, 700)))
        expect(await outcome(() => briefly(scanWhole(tar)))).toBe(flowing)
        looksLikeTar(tar)
      },
    ),
    { numRuns: runs(1500) },
  )
})

function reseal(tar: Buffer, at: number): void {
  if (at + 512 > tar.length || tar.toString('latin1', at + 257, at + 262) !== 'ustar') return
  tar.fill(32, at + 148, at + 156)
  const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0)
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1')
}

test('only what begins with an entry looks like a tar', () => {
  const file = rawEntry({ path: 'f' }, 'body')
  const end = Buffer.alloc(1024)
  const broken = Buffer.from(file)
  broken[0]! ^= 1
  const yes: Readonly<Record<string, Uint8Array>> = {
    'a file': Buffer.concat([file, end]),
    'a header whose body is missing': file.subarray(0, 512),
    'anything behind a good entry': Buffer.concat([file, Buffer.from('x'.repeat(2000))]),
    'an extended header and its entry': Buffer.concat([rawRecords(['path=x']), file]),
    'global records, even alone': rawRecords(['comment=x'], 'g'),
    'a type that nobody knows': rawEntry({ type: 'q' }),
    'an owner that no file can have': rawEntry({ uid: '\xff'.repeat(8) }),
    'a long name that goes on behind the head': rawEntry({ type: 'L' }, 'n'.repeat(2 * tarHeadLength)).subarray(
      0,
      tarHeadLength,
    ),
  }
  const no: Readonly<Record<string, Uint8Array>> = {
    nothing: Buffer.alloc(0),
    'less than a block': file.subarray(0, 511),
    'one block of zeros': Buffer.alloc(512),
    'only zeros': Buffer.alloc(2 * tarHeadLength),
    'the end marker before an entry': Buffer.concat([end, file]),
    'a wrong checksum': broken,
    text: Buffer.from('FROM scratch\n'.repeat(100)),
    'an extended header alone': rawRecords(['path=x']),
    'an extended header cut short': rawEntry({ type: 'L' }, 'n'.repeat(2000)).subarray(0, 1024),
    'an extended header that is none': Buffer.concat([rawEntry({ type: 'x' }, 'nonsense'), file]),
    'a negative size': rawEntry({ size: '\xff'.repeat(12) }),
    'a number that is none': rawEntry({ mode: 'rw-r--r--' }),
  }
  for (const [what, head] of Object.entries(yes)) expect(looksLikeTar(head), what).toBe(true)
  for (const [what, head] of Object.entries(no)) expect(looksLikeTar(head), what).toBe(false)
})
