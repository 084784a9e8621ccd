import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { canMount, hasProgram, mountOn } from '../../../test/kit/needs.ts'
import { runs } from '../../../test/kit/scale.ts'
import { tarOf } from '../../../test/kit/tiny-archive.ts'
import { listTree, manyBytes } from '../../../test/kit/trees.ts'
import { flow, type TareError } from '../../support/index.ts'
import { readWhole } from '../layer/index.ts'
import { openDirectory, openStream } from './index.ts'

type Options = Partial<Parameters<typeof openStream>[1]>

async function open(bytes: Uint8Array, options: Options = {}, folder = temporaryFolder()) {
  const scratch = () => join(folder, 'scratch')
  const opened = await openStream(flow(...[bytes.subarray(0, 3), bytes.subarray(3)]), {
    name: '-',
    scratch,
    ...options,
  })
  return { opened, folder }
}

async function openTar(bytes: Uint8Array, options: Options = {}) {
  const { opened, folder } = await open(bytes, options)
  if ('text' in opened) throw new Error(`this is a text: ${opened.text}`)
  return { opened, folder }
}

async function codeOf(bytes: Uint8Array, options: Options = {}): Promise<string> {
  const folder = temporaryFolder()
  try {
    await open(bytes, options, folder)
    return 'none'
  } catch (error) {
    if (readdirSync(folder).length > 0) throw new Error('something was left behind')
    return (error as TareError).code
  }
}

const plain = tarOf({ Dockerfile: 'FROM scratch', 'd/a': 'a', 'd/b': 'b', link: { symlink: 'd/a' } })

const compressors = [
  ['gzip', ['-c']],
  ['bzip2', ['-c']],
  ['xz', ['-c']],
  ['zstd', ['-c']],
] as const

for (const [program, args] of compressors)
  test.skipIf(!hasProgram(program))(`an archive of ${program} is the archive`, async () => {
    const { stdout } = spawnSync(program, args, { input: plain })
    const { opened } = await openTar(stdout)
    expect([...opened.tree.walk()].map(([path]) => path)).toEqual(['Dockerfile', 'd', 'd/a', 'd/b', 'link'])
  })

test('files and texts can be read until the context is closed; then nothing of it is left', async () => {
  const { opened, folder } = await openTar(plain)
  const context = opened
  expect(context.readText('./link')).toBe('a')
  expect(context.readText('nothing')).toBeUndefined()
  expect(() => context.readText('d')).toThrow(expect.objectContaining({ code: 'CONTEXT_UNREADABLE' }))
  expect(existsSync(join(folder, 'scratch'))).toBe(true)
  context.close()
  expect(readdirSync(folder)).toEqual([])
  context.close()
})

test.each(['FROM scratch\nCOPY a b\n', '', '\n', '# ünïcode', 'long '.repeat(1000)])(
  'what is no archive is a text, compressed as well: %#',
  async (text) => {
    for (const bytes of [Buffer.from(text), gzipSync(text)]) {
      const { opened, folder } = await open(bytes)
      expect(opened).toEqual({ text })
      expect(readdirSync(folder)).toEqual([])
    }
  },
)

test('what is neither an archive nor a text that anybody wrote says so', async () => {
  expect(await codeOf(manyBytes((16 << 20) + 1))).toBe('CONTEXT_INVALID')
})

test('a damaged, cut or swelling archive is an answer and leaves nothing behind', async () => {
  const gzip = gzipSync(tarOf({ a: manyBytes(100_000) }))
  expect(await codeOf(gzip.subarray(0, gzip.length - 20))).toBe('ARCHIVE_CORRUPT')
  expect(await codeOf(plain.subarray(0, 520))).toMatch(/^TAR_|^ARCHIVE_/)
  expect(await codeOf(gzipSync(Buffer.alloc(100_000)), { unpackLimit: 50_000 })).toBe('ARCHIVE_BOMB')
  expect(await codeOf(tarOf({ '../x': '' }))).toBe('ARCHIVE_PATH_ESCAPES')
})

test('reading that is called off leaves nothing behind', async () => {
  const folder = temporaryFolder()
  const signal = AbortSignal.abort(new Error('enough'))
  await expect(open(plain, { signal }, folder)).rejects.toThrow('enough')
  expect(readdirSync(folder)).toEqual([])
})

test.skipIf(!canMount())(
  'a disk that is too small for the archive is told as such, and has its room back',
  async () => {
    const folder = join(temporaryFolder(), 'full')
    mkdirSync(folder)
    mountOn(folder, '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs')
    await expect(open(tarOf({ a: manyBytes(200_000) }), {}, folder)).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(readdirSync(folder)).toEqual([])
  },
)

const names = fc.constantFrom('a', 'b', 'c')
const path = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
test('an archive and the folder it was made of are the same context', async () => {
  const base = temporaryFolder()
  let count = 0
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(path, { maxLength: 8 }), async (paths) => {
      // A path that is also a folder on the way to another can only be one of both.
      const files = ['one', ...paths].filter((one) => !paths.some((other) => other.startsWith(`${one}/`)))
      const folder = writeFiles(join(base, String(count++)), Object.fromEntries(files.map((file) => [file, file])))
      const { opened } = await openTar(tarOf(Object.fromEntries(files.map((file) => [file, file]))))
      const inArchive = opened
      const text = (file: Parameters<typeof readWhole>[0]) => readWhole(file, 100).toString()
      expect(listTree(inArchive.tree, text)).toEqual(listTree(openDirectory(folder, { name: '.' }).tree, text))
      inArchive.close()
    }),
    { numRuns: runs(150) },
  )
})
