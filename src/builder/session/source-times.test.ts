import { createReadStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { commitTime, hasGitDaemon, Repositories } from '../../../test/kit/git.ts'
import { serve } from '../../../test/kit/serve.ts'
import type { BuildOptions } from '../../api/index.ts'
import { encodeHeader, endOfArchive } from '../../files/tar/index.ts'
import { openTare } from '../../verbs/library.ts'

const file = { text: 'FROM scratch\nARG SOURCE_DATE_EPOCH\nWORKDIR /w\n' }

/** What SOURCE_DATE_EPOCH came to, by the history. */
async function epochOf(value: string, options: Partial<BuildOptions>): Promise<string> {
  const environment = { PATH: process.env['PATH'] }
  const tare = await openTare({ home: join(temporaryFolder(), 'home'), environment })
  const buildArgs = { SOURCE_DATE_EPOCH: value }
  const { id } = await tare.build({ context: { kind: 'empty' }, dockerfile: file, environment, buildArgs, ...options })
  const [, arg] = (await tare.images.history(id)).map(({ createdBy }) => createdBy)
  return arg!
}

test('a folder has no time, and what has none counts as not given', async () => {
  const path = writeFiles(temporaryFolder(), { f: 'f' })
  expect(await epochOf('context', { context: { kind: 'directory', path } })).toBe('ARG SOURCE_DATE_EPOCH')
  expect(await epochOf('named', { contexts: { named: { kind: 'directory', path } } })).toBe('ARG SOURCE_DATE_EPOCH')
  expect(await epochOf('named', { contexts: { named: { kind: 'image', name: 'scratch' } } })).toBe(
    'ARG SOURCE_DATE_EPOCH',
  )
})

describe('of what comes from the web', () => {
  const entry = (path: string, kind: 'file' | 'directory', mtime: number) =>
    encodeHeader({ path, kind, mode: 0o755, uid: 0, gid: 0, size: 0, mtime, mtimeNs: 0 })
  const tar = Buffer.concat([
    ...[entry('old', 'file', 1_000), entry('new', 'file', 2_000), entry('folder', 'directory', 9_000)],
    endOfArchive,
  ])
  const modified = 'Tue, 14 Nov 2023 22:13:20 GMT'
  const served = () =>
    serve((request, response) => {
      if (request.url!.startsWith('/dated')) response.setHeader('Last-Modified', modified)
      response.end(request.url!.endsWith('.tar') ? tar : 'no archive')
    })

  test('the server says the time, or else the newest file of an archive does', async () => {
    const url = await served()
    const context = (path: string) => ({ context: { kind: 'remote', address: `${url}/${path}` } as const })
    expect(await epochOf('context', context('dated.tar'))).toBe('ARG SOURCE_DATE_EPOCH=1700000000')
    expect(await epochOf('context', context('a.tar'))).toBe('ARG SOURCE_DATE_EPOCH=2000')
    const named = (path: string) => ({ contexts: { src: { kind: 'remote', address: `${url}/${path}` } as const } })
    expect(await epochOf('src', named('dated'))).toBe('ARG SOURCE_DATE_EPOCH=1700000000')
    expect(await epochOf('src:latest', named('a.tar'))).toBe('ARG SOURCE_DATE_EPOCH=2000')
    expect(await epochOf('src', named('text'))).toBe('ARG SOURCE_DATE_EPOCH')
    const stage = (path: string) => ({
      dockerfile: { text: `FROM scratch AS src\nADD ${url}/${path} /\n${file.text}` },
    })
    expect(await epochOf('src', stage('dated'))).toBe('ARG SOURCE_DATE_EPOCH=1700000000')
    expect(await epochOf('src', stage('a.tar'))).toBe('ARG SOURCE_DATE_EPOCH=2000')
  })

  test('an archive on standard input has that of its newest file', async () => {
    const path = join(temporaryFolder(), 'tar')
    writeFileSync(path, tar)
    const context = { kind: 'stream', bytes: createReadStream(path) } as const
    expect(await epochOf('context', { context })).toBe('ARG SOURCE_DATE_EPOCH=2000')
  })
})

test.skipIf(!hasGitDaemon)('a git repository has that of its commit', async () => {
  const repositories = new Repositories()
  repositories.commit('a', { x: 'x' })
  const url = await repositories.daemon()
  const seconds = Math.floor(commitTime)
  expect(await epochOf('context', { context: { kind: 'remote', address: `${url}/a.git` } })).toBe(
    `ARG SOURCE_DATE_EPOCH=${seconds}`,
  )
  expect(await epochOf('src', { contexts: { src: { kind: 'remote', address: `${url}/a.git` } } })).toBe(
    `ARG SOURCE_DATE_EPOCH=${seconds}`,
  )
  const dockerfile = { text: `FROM scratch AS src\nADD ${url}/a.git#main /\n${file.text}` }
  expect(await epochOf('src', { dockerfile })).toBe(`ARG SOURCE_DATE_EPOCH=${seconds}`)
})
