import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isRoot, ordinaryUser, program, start, temporaryFolder } from './kit/cli.ts'
import { unlessMissing } from './kit/needs.ts'

// What the command line was compiled to is kept in the user's cache, by Node itself or by tare.

const begin = (XDG_CACHE_HOME: string, options = {}) =>
  start([process.execPath, program, '--version'], { env: { XDG_CACHE_HOME }, ...options }).outcome

/** All files below a folder, with their bytes. */
function filesBelow(folder: string): Map<string, Buffer> {
  const names = readdirSync(folder, { recursive: true }) as string[]
  const paths = names.map((name) => join(folder, name)).filter((path) => statSync(path).isFile())
  return new Map(paths.map((path) => [path, readFileSync(path)]))
}

const digests = (files: ReadonlyMap<string, Buffer>) =>
  [...files].map(([path, bytes]) => [path, createHash('sha256').update(bytes).digest('hex')])

test('compiled code is kept, and used again', async () => {
  const cache = temporaryFolder()
  const first = await begin(cache)
  expect(first).toMatchObject({ code: 0, err: '' })
  const kept = filesBelow(join(cache, 'tare'))
  expect(kept.size).toBeGreaterThan(0)
  expect(statSync(join(cache, 'tare')).mode & 0o777).toBe(0o700)
  for (const path of kept.keys()) utimesSync(path, 1e9, 1e9)
  expect(await begin(cache)).toEqual(first)
  expect(digests(filesBelow(join(cache, 'tare')))).toEqual(digests(kept))
  for (const path of kept.keys()) expect(statSync(path).mtimeMs).toBe(1e12)
})

test('so is what a call loads late', async () => {
  const cache = temporaryFolder()
  const late = `(sleep 0.5; echo FROM scratch; echo ADD a.tar.bz2 /) | '${process.execPath}' '${program}' build -q -f - .`
  const build = async () => {
    const cwd = temporaryFolder()
    writeFileSync(join(cwd, 'a.tar.bz2'), Buffer.from('425a683917724538509000000000', 'hex'))
    return start(['sh', '-c', late], { env: { XDG_CACHE_HOME: cache, TARE_HOME: temporaryFolder() }, cwd }).outcome
  }
  expect(await build()).toMatchObject({ code: 0, err: '' })
  const kept = filesBelow(join(cache, 'tare'))
  for (const path of kept.keys()) utimesSync(path, 1e9, 1e9)
  expect(await build()).toMatchObject({ code: 0, err: '' })
  for (const path of kept.keys()) expect([path, statSync(path).mtimeMs]).toEqual([path, 1e12])
  expect(digests(filesBelow(join(cache, 'tare')))).toEqual(digests(kept))
})

test('compiled code that was damaged or cut short is compiled again', async () => {
  const cache = temporaryFolder()
  const first = await begin(cache)
  const kept = filesBelow(join(cache, 'tare'))
  const damages: ((bytes: Buffer) => Buffer)[] = [
    (bytes) => Buffer.alloc(bytes.length),
    (bytes) => bytes.subarray(0, bytes.length - 4096),
    () => Buffer.alloc(0),
    (bytes) => Buffer.concat([bytes.subarray(0, -1), Buffer.of(bytes.at(-1)! ^ 1)]),
    (bytes) => Buffer.from(bytes).fill(7, bytes.length >> 1, (bytes.length >> 1) + 16),
  ]
  for (const damage of damages) {
    for (const [path, bytes] of kept) writeFileSync(path, damage(bytes))
    expect(await begin(cache)).toEqual(first)
  }
})

test('compiled code is neither kept nor taken where others can write', async () => {
  const cache = temporaryFolder()
  mkdirSync(join(cache, 'tare'))
  chmodSync(join(cache, 'tare'), 0o777)
  expect(await begin(cache)).toMatchObject({ code: 0, err: '' })
  expect(readdirSync(join(cache, 'tare'))).toEqual([])
})

test.runIf(unlessMissing(isRoot, 'root'))('compiled code of another user is not taken', async () => {
  const cache = temporaryFolder()
  mkdirSync(join(cache, 'tare'), { mode: 0o700 })
  chmodSync(cache, 0o755)
  chmodSync(join(cache, 'tare'), 0o755)
  expect(await begin(cache, { user: ordinaryUser })).toMatchObject({ code: 0, err: '' })
  expect(readdirSync(join(cache, 'tare'))).toEqual([])
})

test('NODE_DISABLE_COMPILE_CACHE keeps nothing', async () => {
  const cache = temporaryFolder()
  const env = { XDG_CACHE_HOME: cache, NODE_DISABLE_COMPILE_CACHE: '1' }
  expect(await start([process.execPath, program, '--version'], { env }).outcome).toMatchObject({ code: 0, err: '' })
  expect(readdirSync(cache)).toEqual([])
})
