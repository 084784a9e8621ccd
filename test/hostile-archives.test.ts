import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { openTare, type Tare, TareError } from '../src/index.ts'
import { flow } from '../src/support/index.ts'
import { faultsOf } from './kit/check-store.ts'
import { noise, openBench } from './kit/cli.ts'
import { archiveOf, claiming, entry, forged, hardLink, pax, record, symlink } from './kit/hostile-tar.ts'
import { tarList, tarText } from './kit/tar-tool.ts'
import { dockerArchive, tarOf } from './kit/tiny-archive.ts'
import { tinyBlob, tinyImage } from './kit/tiny-image.ts'

// Archives that were made to do harm, by each door: ADD, the context on standard input, import, and a layer of what is loaded.

const first = entry({ path: 'first' }, 'first\n')
const flipped = Buffer.from(first)
flipped.write('x', 3)
const sparse = (records: string, map: string) =>
  Buffer.concat([
    first,
    pax(record('GNU.sparse.major', '1') + record('GNU.sparse.minor', '0') + records),
    archiveOf(entry({ path: 'sparse' }, Buffer.concat([Buffer.from(map), Buffer.alloc(512 - map.length)]))),
  ])
// Each symlink leads to the bottom of what the one before has reached, where the next 400 directories are made.
const longer = (i: number) =>
  Buffer.concat([
    pax(record('path', `${i === 0 ? '' : `s${i - 1}/`}${'d/'.repeat(400)}f`)),
    first,
    symlink(`s${i}`, `${i === 0 ? '' : `s${i - 1}/`}${'d/'.repeat(400)}`),
  ])
interface Attack {
  readonly archive: Buffer
  /** What unpacking it is refused with. */
  readonly code: string
  /** What it is refused with as a layer, which is kept as it is. */
  readonly asLayer?: string | 'kept'
}

const attacks: Readonly<Record<string, Attack>> = {
  'a name that leads out': {
    archive: archiveOf(first, entry({ path: '../evil' }, 'evil')),
    code: 'ARCHIVE_PATH_ESCAPES',
    asLayer: 'LAYER_PATH_ESCAPES',
  },
  'a name that leads far out': {
    archive: archiveOf(first, entry({ path: 'a/../../../../../../tmp/evil' }, 'evil')),
    code: 'ARCHIVE_PATH_ESCAPES',
    asLayer: 'LAYER_PATH_ESCAPES',
  },
  'a hard link out': {
    archive: archiveOf(first, hardLink('shadow', '../../../../etc/shadow')),
    code: 'ARCHIVE_PATH_ESCAPES',
    asLayer: 'LAYER_PATH_ESCAPES',
  },
  'a hard link to a file of the machine': {
    archive: archiveOf(first, hardLink('shadow', '/etc/passwd')),
    code: 'ARCHIVE_INVALID',
    asLayer: 'LAYER_INVALID',
  },
  'a hard link through a symlink out': {
    archive: archiveOf(first, symlink('out', '/etc'), hardLink('shadow', 'out/passwd')),
    code: 'ARCHIVE_INVALID',
    asLayer: 'LAYER_INVALID',
  },
  'a hard link to itself': {
    archive: archiveOf(first, hardLink('me', 'me')),
    code: 'ARCHIVE_INVALID',
    asLayer: 'LAYER_INVALID',
  },
  'a file as a parent': {
    archive: archiveOf(entry({ path: 'a' }, 'a'), entry({ path: 'a/b' }, 'b')),
    code: 'ARCHIVE_INVALID',
    asLayer: 'kept',
  },
  'symlinks in a circle': {
    archive: archiveOf(symlink('a', 'b'), symlink('b', 'a'), entry({ path: 'a/b' }, 'b')),
    code: 'SYMLINK_LOOP',
    asLayer: 'kept',
  },
  'a path of 50,000 directories': {
    archive: archiveOf(first, pax(record('path', `${'d/'.repeat(50_000)}f`)), first),
    code: 'ARCHIVE_INVALID',
    asLayer: 'LAYER_INVALID',
  },
  'a path of 450,000 directories': {
    archive: archiveOf(first, pax(record('path', `${'d/'.repeat(450_000)}f`)), first),
    code: 'ARCHIVE_INVALID',
    asLayer: 'LAYER_INVALID',
  },
  'a path that goes down and up 200,000 times': {
    archive: archiveOf(first, pax(record('path', `${'d/../'.repeat(200_000)}f`)), first),
    code: 'ARCHIVE_INVALID',
    asLayer: 'LAYER_INVALID',
  },
  'a symlink to a path of 450,000 directories, and a file there': {
    archive: archiveOf(pax(record('linkpath', 'd/'.repeat(450_000))), symlink('s', 'd'), entry({ path: 's/f' }, 'f')),
    code: 'ARCHIVE_INVALID',
    asLayer: 'LAYER_INVALID',
  },
  'a hard link by 450,000 dots': {
    archive: archiveOf(first, pax(record('linkpath', `${'./'.repeat(450_000)}first`)), hardLink('h', 'first')),
    code: 'ARCHIVE_INVALID',
    asLayer: 'LAYER_INVALID',
  },
  'symlinks that make a path longer and longer': {
    archive: archiveOf(...Array.from({ length: 9 }, (_, i) => longer(i))),
    code: 'ARCHIVE_INVALID',
    asLayer: 'kept',
  },
  'a wrong checksum': { archive: archiveOf(first, flipped), code: 'TAR_CHECKSUM' },
  'a size beyond the end': { archive: Buffer.concat([first, claiming('77777777777')]), code: 'TAR_TRUNCATED' },
  'a size below zero': {
    archive: archiveOf(first, forged(entry({ path: 'n' }), 124, Buffer.from(`${'ff'.repeat(11)}f0`, 'hex'))),
    code: 'TAR_SIZE_INVALID',
  },
  'an extended header of 20 MB': {
    archive: archiveOf(first, pax(record('path', 'a'.repeat(20_000_000))), first),
    code: 'TAR_EXTENSION_TOO_LONG',
  },
  'extended headers without end': {
    archive: archiveOf(first, Buffer.concat(Array.from({ length: 20_000 }, () => pax(record('comment', 'x'))))),
    code: 'TAR_EXTENSION_TOO_LONG',
  },
  'an extended header that lies about its length': {
    archive: archiveOf(first, pax('99999 path=x\n'), first),
    code: 'TAR_PAX_INVALID',
  },
  'a NUL in a name': { archive: archiveOf(first, pax(record('path', 'a\0b')), first), code: 'TAR_PAX_INVALID' },
  'a sparse file of nine petabytes': {
    archive: sparse(record('GNU.sparse.name', 's') + record('GNU.sparse.realsize', '9007199254740991'), '0\n'),
    code: 'ARCHIVE_BOMB',
  },
  'a sparse map that overlaps itself': {
    archive: sparse(record('GNU.sparse.name', 's') + record('GNU.sparse.realsize', '100'), '2\n50\n100\n10\n100\n'),
    code: 'TAR_SPARSE_INVALID',
  },
}

/** The code that the work is refused with; every refusal has to be an answer. */
async function refusal(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    if (!(error instanceof TareError)) throw error
    return error.code
  }
}

const asContext = (archive: Uint8Array) =>
  flow(Buffer.concat([entry({ path: 'Dockerfile' }, 'FROM scratch\nCOPY . /\n'), archive]))

/** A docker-archive with the archive for a layer; its digests are right. */
function asLayer(archive: Buffer): Buffer {
  const image = tinyImage()
  const layer = tinyBlob(image.layers[0]!.descriptor.mediaType, archive)
  const config = JSON.parse(image.config.bytes.toString('utf8'))
  config.rootfs.diff_ids = [layer.descriptor.digest]
  const blob = tinyBlob(image.config.descriptor.mediaType, JSON.stringify(config))
  return tarOf(dockerArchive({ ...image, layers: [layer], config: blob }))
}

/** Every way into the store, each of which ends with a code or, where it succeeds, with none. */
async function tryAll(tare: Tare, context: string, archive: Buffer) {
  writeFileSync(join(context, 'archive'), archive)
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nADD archive /in/\n')
  const load = (bytes: Buffer) => tare.images.load({ from: { bytes: flow(bytes) } })
  return {
    add: await refusal(tare.build({ context: { kind: 'directory', path: context } })),
    context: await refusal(tare.build({ context: { kind: 'stream', bytes: asContext(archive) } })),
    import: await refusal(tare.images.import({ from: { bytes: flow(archive) } })),
    load: await refusal(load(asLayer(archive))),
  }
}

describe('an archive is refused by every door, and nothing of it stays', () => {
  test.each(Object.entries(attacks))(
    '%s: by ADD, as a context, by import and by load',
    async (_, { archive, code, asLayer = code }) => {
      const { home, context } = openBench({ Dockerfile: '' })
      const tare = await openTare({ home })
      const kept = asLayer === 'kept' ? undefined : asLayer
      expect(await tryAll(tare, context, archive)).toEqual({ add: code, context: code, import: kept, load: kept })
      expect(await tryAll(tare, context, gzipSync(archive))).toMatchObject({ add: code, import: kept })
      if (kept !== undefined) expect(await tare.images.list()).toEqual([])
      expect(await faultsOf(home)).toEqual([])
      expect(existsSync('/tmp/evil') || existsSync(join(home, '../evil'))).toBe(false)
    },
  )
})

describe('small inputs that are large inside end soon, and with an answer', () => {
  const pairs = Array.from({ length: 100_000 }, (_, i) => [2 * i, 1])
  const bytes = Buffer.alloc(pairs.length, 'x')
  const size = record('GNU.sparse.realsize', '1000000')
  const numbers = `${pairs.length}\n${pairs.flat().join('\n')}\n`
  const maps = {
    'in one record': archiveOf(
      pax(
        record('GNU.sparse.major', '0') +
          record('GNU.sparse.minor', '1') +
          size +
          record('GNU.sparse.numblocks', String(pairs.length)) +
          record('GNU.sparse.map', pairs.flat().join(',')),
      ),
      entry({ path: 'sparse' }, bytes),
    ),
    'in the body': archiveOf(
      pax(
        record('GNU.sparse.major', '1') + record('GNU.sparse.minor', '0') + record('GNU.sparse.name', 'sparse') + size,
      ),
      entry(
        { path: 'x' },
        Buffer.concat([Buffer.from(numbers), Buffer.alloc((512 - (numbers.length % 512)) % 512), bytes]),
      ),
    ),
  }

  test.each(Object.entries(maps))('a sparse map of 200,000 numbers %s is read by every door', async (_, archive) => {
    const { home, context } = openBench({ Dockerfile: '' })
    const tare = await openTare({ home })
    expect(await tryAll(tare, context, archive)).toEqual({})
    expect(await faultsOf(home)).toEqual([])
  })

  test('2,040 folders in one another are a filesystem, by every door, and can be copied', async () => {
    const { home, context } = openBench({ Dockerfile: '' })
    const tare = await openTare({ home })
    const archive = archiveOf(pax(record('path', `${'d/'.repeat(2030)}f`)), first)
    expect(await tryAll(tare, context, archive)).toEqual({})
    await tare.images.load({ from: { bytes: flow(asLayer(archive)) } })
    writeFileSync(join(context, 'Dockerfile'), 'FROM app:1\nCOPY --from=app:1 /d /e\n')
    await tare.build({ context: { kind: 'directory', path: context } })
    expect(await faultsOf(home)).toEqual([])
  })

  const far = 'a/'.repeat(1500)
  test.each([
    ['WORKDIR', `FROM scratch\nWORKDIR /${far}\nWORKDIR ${far}\n`],
    ['COPY', `FROM scratch AS one\nCOPY Dockerfile /${far}\nFROM scratch\nCOPY --from=one / /${far}\n`],
  ])('folders that %s would make deeper than any system does are refused', async (_, dockerfile) => {
    const { home, context } = openBench({ Dockerfile: dockerfile })
    const tare = await openTare({ home })
    expect(await refusal(tare.build({ context: { kind: 'directory', path: context } }))).toBe('PATH_TOO_DEEP')
    expect(await faultsOf(home)).toEqual([])
  })

  test('a config of 100,000 lists in one another is refused', async () => {
    const { home } = openBench({ Dockerfile: '' })
    const tare = await openTare({ home })
    const image = tinyImage()
    const nested = '['.repeat(100_000) + ']'.repeat(100_000)
    const text = image.config.bytes.toString('utf8').replace(/^\{/, `{"x":${nested},`)
    const config = tinyBlob(image.config.descriptor.mediaType, text)
    expect(await refusal(tare.images.load({ from: { bytes: flow(tarOf(dockerArchive({ ...image, config }))) } }))).toBe(
      'MANIFEST_INVALID',
    )
    expect(await faultsOf(home)).toEqual([])
  })
})

describe('links and names that point out stay inside', () => {
  const inside: Readonly<Record<string, { readonly archive: Buffer; readonly path: string }>> = {
    'an absolute name': { archive: archiveOf(entry({ path: '/etc/evil' }, 'evil')), path: 'in/etc/evil' },
    'a file below a symlink that leads up': {
      archive: archiveOf(symlink('out', '../../../..'), entry({ path: 'out/evil' }, 'evil')),
      path: 'in/evil',
    },
    'a file below a symlink that is absolute': {
      archive: archiveOf(symlink('out', '/tmp'), entry({ path: 'out/evil' }, 'evil')),
      path: 'in/tmp/evil',
    },
  }
  test.each(Object.entries(inside))('%s stays below the folder that it is added to', async (_, { archive, path }) => {
    const { folder, home, context, succeed } = openBench({ Dockerfile: 'FROM scratch\nADD archive /in/\n' })
    writeFileSync(join(context, 'archive'), archive)
    await succeed(['build', '-q', '-t', 'x', 'context'])
    await succeed(['save', '-o', 'x.tar', 'x'])
    const [{ Layers }] = JSON.parse(tarText(folder, 'x.tar', 'manifest.json')) as [{ Layers: string[] }]
    expect(tarList(join(home, Layers[0]!))).toContain(path)
    expect(existsSync('/tmp/evil') || existsSync(join(home, '../evil'))).toBe(false)
  })

  test('a layer that was loaded and contradicts itself is told where it is used', async () => {
    const { home } = openBench()
    const tare = await openTare({ home })
    const layer = archiveOf(entry({ path: 'a' }, 'a'), entry({ path: 'a/b' }, 'b'))
    await tare.images.load({ from: { bytes: flow(asLayer(layer)) } })
    const dockerfile = { text: 'FROM scratch\nCOPY --from=app:1 /a /\n' }
    expect(await refusal(tare.build({ context: { kind: 'empty' }, dockerfile }))).toBe('LAYER_INVALID')
    expect(await faultsOf(home)).toEqual([])
  })
})

describe('an archive that is cut short', () => {
  const archive = archiveOf(
    entry({ path: 'Dockerfile' }, 'FROM scratch\nCOPY . /\n'),
    pax(record('path', 'long/'.repeat(60))),
    entry({ path: 'data' }, noise(3000)),
    entry({ path: 'last' }, 'last'),
  )
  // Between two entries there is no telling, tar has no table of contents; and padding is nobody's.
  const whole = [700, 1024, 5632, 6300]
  const broken = [520, 1100, 1536, 2048, 2300, 2560, 3072, 4000, 5800, 6144, 6147]

  test.each([...whole, ...broken])('at byte %d is told, by every door, unless all that it has is whole', async (at) => {
    const { home, context } = openBench()
    const tare = await openTare({ home })
    const seen = await tryAll(tare, context, archive.subarray(0, at))
    for (const code of Object.values(seen)) expect(code).toBe(whole.includes(at) ? undefined : 'TAR_TRUNCATED')
    expect(await faultsOf(home)).toEqual([])
  })

  test.each([1, 4, 8, 100, 1000])('by %d bytes of the gzip is told, by every door', async (missing) => {
    const { home, context } = openBench()
    const tare = await openTare({ home })
    const cut = gzipSync(archive).subarray(0, -missing)
    const bytes = () => flow(cut)
    writeFileSync(join(context, 'archive'), cut)
    writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nADD archive /in/\n')
    expect(await refusal(tare.build({ context: { kind: 'directory', path: context } }))).toBe('ARCHIVE_CORRUPT')
    expect(await refusal(tare.build({ context: { kind: 'stream', bytes: bytes() } }))).toBe('ARCHIVE_CORRUPT')
    expect(await refusal(tare.images.import({ from: { bytes: bytes() } }))).toBe('ARCHIVE_CORRUPT')
    const layer = gzipSync(asLayer(archive)).subarray(0, -missing)
    expect(await refusal(tare.images.load({ from: { bytes: flow(layer) } }))).toBe('ARCHIVE_CORRUPT')
    expect(await tare.images.list()).toEqual([])
    expect(await faultsOf(home)).toEqual([])
  })
})

describe('a gzip that swells', () => {
  // 40 MB of zeros: less than the limit without a word, more than one that is set.
  const swollen = gzipSync(archiveOf(entry({ path: 'zeros' }, Buffer.alloc(40_000_000))))
  const layer = gzipSync(asLayer(archiveOf(entry({ path: 'zeros' }, Buffer.alloc(40_000_000)))))

  test('passes while it is not absurd', async () => {
    const { home, context } = openBench()
    expect(await doors(await openTare({ home }), context)).toEqual([undefined, undefined, undefined, undefined])
  })

  test('is refused where TARE_UNPACK_LIMIT says so, by every door', async () => {
    const { home, context } = openBench()
    const tare = await openTare({ home, environment: { TARE_UNPACK_LIMIT: '1000000' } })
    expect(await doors(tare, context)).toEqual(Array(4).fill('ARCHIVE_BOMB'))
    expect(await tare.images.list()).toEqual([])
    expect(await faultsOf(home)).toEqual([])
  })

  test('is refused without a word of anybody’s when it is absurd, and the limit can be raised', async () => {
    const { context, tare } = openBench({ Dockerfile: 'FROM scratch\nADD bomb /\n' })
    // A gzip of gzips of zeros: each member swells a thousandfold.
    const member = gzipSync(Buffer.alloc(64 << 20))
    writeFileSync(
      join(context, 'bomb'),
      Buffer.concat([gzipSync(entry({ path: 'z', size: 1.5e9 }).subarray(0, 512)), ...Array(24).fill(member)]),
    )
    const { code, err } = await tare(['build', 'context'])
    expect(code).toBe(1)
    expect(err).toMatch(/ERROR: .*compressed bytes unpack to \d+ bytes or more, \d+ times as many\n.*TARE_UNPACK_LIMIT/)
  })

  async function doors(tare: Tare, context: string) {
    writeFileSync(join(context, 'archive'), swollen)
    writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nADD archive /in/\n')
    return [
      await refusal(tare.build({ context: { kind: 'directory', path: context } })),
      await refusal(
        tare.build({ context: { kind: 'stream', bytes: flow(swollen) }, dockerfile: { text: 'FROM scratch\n' } }),
      ),
      await refusal(tare.images.import({ from: { bytes: flow(swollen) } })),
      await refusal(tare.images.load({ from: { bytes: flow(layer) } })),
    ]
  }
})
