import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { faultsOf } from '../../../test/kit/check-store.ts'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { commitTime, git, hasGitDaemon, Repositories } from '../../../test/kit/git.ts'
import { serve } from '../../../test/kit/serve.ts'
import { tinyTar } from '../../../test/kit/tiny-image.ts'
import type { BuildOptions } from '../../api/index.ts'
import { scanTar } from '../../files/tar/index.ts'
import { createHost } from '../../images/host.ts'
import type { TareEvent } from '../../support/index.ts'
import { openTare } from '../../verbs/library.ts'

const copyAll = { text: 'FROM scratch\nCOPY . /\n' }

async function open(environment: Readonly<Record<string, string | undefined>> = { PATH: process.env['PATH'] }) {
  const home = join(temporaryFolder(), 'home')
  const tare = await openTare({ home, environment })
  /** What is in the last layer of what is built, by path: of a file its text. */
  const build = async (options: BuildOptions) => {
    const events: TareEvent[] = []
    const report = (event: TareEvent) => void events.push(event)
    const { id } = await tare.build({ environment, report, ...options })
    expect(readdirSync(join(home, 'tare/scratch'))).toEqual([])
    expect(await faultsOf(home)).toEqual([])
    const { store } = createHost({ home, environment })
    const bytes = store.blobs.read((await tare.images.inspect(id)).RootFS.Layers.at(-1)!)
    const read = (into: Uint8Array, at: number) => bytes.copy(into, 0, at, at + into.length)
    const entries = [...scanTar({ size: bytes.length, read })]
    const textOf = ({ runs }: (typeof entries)[number]) =>
      runs.map((run) => bytes.subarray(run.at, run.at + run.length).toString()).join('')
    return {
      files: Object.fromEntries(entries.map((entry) => [entry.path, textOf(entry)])),
      entries,
      history: (await tare.images.history(id)).map(({ createdBy }) => createdBy),
      cached: events.filter(({ type }) => type === 'step-cached').length,
    }
  }
  const add = (...lines: readonly string[]) =>
    build({ context: { kind: 'empty' }, dockerfile: { text: `FROM scratch\n${lines.join('\n')}\n` } })
  return { tare, home, build, add }
}

describe.skipIf(!hasGitDaemon)('ADD of a git repository', () => {
  test('adds its files, and the history tells the address', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { x: 'x', 'dir/run': { content: 'r', mode: 0o755 } })
    const url = await repositories.daemon()
    const { add } = await open()
    const { entries, history } = await add(`ADD ${url}/a.git#main /src/`)
    expect(entries.map(({ path, mode, uid, gid }) => [path, mode.toString(8), uid, gid])).toEqual([
      ['src/', '755', 0, 0],
      ['src/dir/', '755', 0, 0],
      ['src/dir/run', '755', 0, 0],
      ['src/x', '644', 0, 0],
    ])
    expect(history).toEqual([`ADD ${url}/a.git#main /src/ # buildkit`])
    const owned = await add(`ADD --chown=7:8 --chmod=600 ${url}/a.git?subdir=dir /`)
    expect(owned.entries.map(({ path, mode, uid, gid }) => [path, mode.toString(8), uid, gid])).toEqual([
      ['run', '600', 7, 8],
    ])
  })

  test('is remembered by its commit: that is asked for, and nothing is fetched', async () => {
    const repositories = new Repositories()
    const commit = repositories.commit('a', { x: 'x' })
    const { url, requests } = await repositories.web('smart')
    const { add } = await open()
    await add(`ADD ${url}/a.git /`)
    expect((await add(`ADD ${url}/a.git#${commit} /`)).cached).toBe(1)
    const fetched = () => requests.splice(0).filter((line) => line.startsWith('POST')).length
    fetched()
    // One question for the list of refs.
    expect((await add(`ADD ${url}/a.git /`)).cached).toBe(1)
    expect(fetched()).toBe(1)
    // A whole commit needs nobody.
    expect((await add(`ADD ${url}/a.git#${commit} /`)).cached).toBe(1)
    expect(requests).toEqual([])
    // Another commit with the same files is fetched, and comes to the same layer.
    repositories.commit('a', {})
    expect((await add(`ADD ${url}/a.git /`)).cached).toBe(1)
    expect(fetched()).toBeGreaterThan(1)
    repositories.commit('a', { y: 'y' })
    const { cached, files } = await add(`ADD ${url}/a.git /`)
    expect([cached, Object.keys(files)]).toEqual([0, ['x', 'y']])
  })

  test('is held to a commit', async () => {
    const repositories = new Repositories()
    const commit = repositories.commit('a', { x: 'x' })
    const url = await repositories.daemon()
    const { add } = await open()
    expect((await add(`ADD --checksum=${commit} ${url}/a.git#main /`)).files).toEqual({ x: 'x' })
    expect((await add(`ADD --checksum=${commit.slice(0, 7).toUpperCase()} ${url}/a.git /b`)).files).toMatchObject({
      'b/x': 'x',
    })
    repositories.commit('a', { x: 'y' })
    await expect(add(`ADD --checksum=${commit} ${url}/a.git#main /`)).rejects.toMatchObject({
      code: 'CHECKSUM_MISMATCH',
      where: { line: 2 },
    })
    await expect(add(`ADD --checksum=sha256:00 ${url}/a.git /`)).rejects.toMatchObject({ code: 'COPY_SOURCE_INVALID' })
    await expect(add(`ADD --checksum=1234567 ${url}/a.git?commit=${commit} /`)).rejects.toMatchObject({
      code: 'COPY_SOURCE_INVALID',
    })
  })

  test('keeps .git where that is said, and takes the time of the commit', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { x: 'x' })
    const url = await repositories.daemon()
    const { add } = await open()
    expect(Object.keys((await add(`ADD ${url}/a.git /`)).files)).toEqual(['x'])
    expect(Object.keys((await add(`ADD --keep-git-dir=true ${url}/a.git /`)).files)).toContain('.git/HEAD')
    expect(Object.keys((await add(`ADD ${url}/a.git?keep-git-dir=1 /`)).files)).toContain('.git/HEAD')
    // Not the layer that has the same contents and other times.
    const { entries } = await add(`ADD ${url}/a.git?mtime=commit /src/`)
    expect(entries.map(({ mtime }) => mtime)).toEqual([commitTime, commitTime])
  })

  test('and of other things come in one instruction', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { x: 'x' })
    const url = await repositories.daemon()
    const { build } = await open()
    const context = { kind: 'directory', path: writeFiles(temporaryFolder(), { f: 'f' }) } as const
    const dockerfile = { text: `FROM scratch\nADD f ${url}/a.git /\n` }
    expect(await build({ context, dockerfile })).toMatchObject({ cached: 0, files: { f: 'f', x: 'x' } })
    expect(await build({ context, dockerfile })).toMatchObject({ cached: 1, files: { f: 'f', x: 'x' } })
    writeFiles(context.path, { f: 'g' })
    expect(await build({ context, dockerfile })).toMatchObject({ cached: 0, files: { f: 'g', x: 'x' } })
  })

  test('leaves nothing where it fails, and says so where there is no git', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { x: 'x' })
    const url = await repositories.daemon()
    const { add, home } = await open()
    await expect(add(`ADD ${url}/a.git#main:nope /`)).rejects.toMatchObject({
      code: 'GIT_SUBDIR_INVALID',
      where: { line: 2 },
    })
    expect(readdirSync(join(home, 'tare/scratch'))).toEqual([])
    for (const PATH of [temporaryFolder(), import.meta.filename]) {
      const bare = await open({ PATH })
      await expect(bare.add(`ADD ${url}/a.git /`)).rejects.toMatchObject({ code: 'GIT_MISSING', where: { line: 2 } })
    }
  })
})

describe.skipIf(!hasGitDaemon)('a git repository as context', () => {
  const files = {
    Dockerfile: copyAll.text,
    '.dockerignore': 'x',
    x: 'x',
    'sub/Dockerfile': 'FROM scratch\nCOPY y /only\n',
    'sub/y': 'y',
  }

  test('has the Dockerfile in it; nothing of it is ignored, and .git is dropped', async () => {
    const repositories = new Repositories()
    repositories.commit('a', files)
    const url = await repositories.daemon()
    const { build, tare } = await open()
    const from = (address: string, more: Partial<BuildOptions> = {}) =>
      build({ context: { kind: 'remote', address }, ...more })
    expect((await from(`${url}/a.git`)).files).toEqual({ ...files, 'sub/': '' })
    expect((await from(`${url}/a.git#main:sub`)).files).toEqual({ only: 'y' })
    await expect(from(`${url}/a.git`, { dockerfile: { path: 'sub/Dockerfile' } })).rejects.toMatchObject({
      code: 'COPY_SOURCE_MISSING',
    })
    await expect(from(`${url}/a.git`, { dockerfile: { path: 'nope' } })).rejects.toMatchObject({
      code: 'DOCKERFILE_MISSING',
      message: `there is no nope in ${url}/a.git`,
    })
    const given = { dockerfile: { text: 'FROM scratch\nCOPY x /\n' } }
    expect((await from(`${url}/a.git`, given)).files).toEqual({ x: 'x' })
    const kept = await from(`${url}/a.git`, { buildArgs: { BUILDKIT_CONTEXT_KEEP_GIT_DIR: '1' } })
    expect(Object.keys(kept.files)).toContain('.git/HEAD')
    expect(await tare.checkDockerfile({ context: { kind: 'remote', address: `${url}/a.git` } })).toEqual([])
  })

  test('can be a named one, which is a base or a source', async () => {
    const repositories = new Repositories()
    repositories.commit('a', files)
    const url = await repositories.daemon()
    const { build } = await open()
    const contexts = { src: { kind: 'remote', address: `${url}/a.git#main:sub` } as const }
    const dockerfile = { text: 'FROM scratch\nCOPY --from=src y /z\n' }
    expect((await build({ context: { kind: 'empty' }, contexts, dockerfile })).files).toEqual({ z: 'y' })
    const base = await build({ context: { kind: 'empty' }, contexts, dockerfile: { text: 'FROM src\n' } })
    expect(base.files).toEqual({ Dockerfile: files['sub/Dockerfile'], y: 'y' })
  })

  test('is fetched with the token that is a secret of the build', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { Dockerfile: copyAll.text })
    const wants = `basic ${Buffer.from('x-access-token:opensesame').toString('base64')}`
    const { url } = await repositories.web('smart', wants)
    const environment = { PATH: process.env['PATH'], TOKEN: 'opensesame', HEADER: wants }
    const { build } = await open(environment)
    const from = (secrets: BuildOptions['secrets']) =>
      build({ context: { kind: 'remote', address: `${url}/a.git` }, secrets })
    await expect(from([])).rejects.toMatchObject({ code: 'GIT_DENIED' })
    expect((await from([{ id: 'GIT_AUTH_TOKEN', variable: 'TOKEN' }])).files).toEqual({ Dockerfile: copyAll.text })
    expect((await from([{ id: `GIT_AUTH_HEADER.${new URL(url).host}`, value: wants }])).files).toEqual({
      Dockerfile: copyAll.text,
    })
    await expect(from([{ id: 'GIT_AUTH_TOKEN.example.com', variable: 'TOKEN' }])).rejects.toMatchObject({
      code: 'GIT_DENIED',
    })
  })

  test('is given up at once when the build is, and leaves nothing', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'bin'))
    writeFileSync(join(folder, 'bin/ssh'), `#!/bin/sh\n: > ${folder}/begun\nsleep 600\n`, { mode: 0o755 })
    const environment = { PATH: `${join(folder, 'bin')}:${process.env['PATH']}` }
    const { build, home } = await open(environment)
    const stop = new AbortController()
    const work = build({
      context: { kind: 'remote', address: `git@127.0.0.1:a.git#${'1'.repeat(40)}` },
      signal: stop.signal,
    })
    work.catch(() => {})
    while (!existsSync(join(folder, 'begun'))) await new Promise((resolve) => setTimeout(resolve, 10))
    stop.abort(new Error('enough'))
    await expect(work).rejects.toThrow('enough')
    expect(readdirSync(join(home, 'tare/scratch'))).toEqual([])
  })

  test('is another after it has moved', async () => {
    const repositories = new Repositories()
    repositories.commit('a', { x: '1' })
    git(repositories.path('a'), 'tag', 'v1')
    const url = await repositories.daemon()
    const { build } = await open()
    const from = async (ref: string) =>
      (await build({ context: { kind: 'remote', address: `${url}/a.git${ref}` }, dockerfile: copyAll })).files['x']
    expect(await from('')).toBe('1')
    repositories.commit('a', { x: '2' })
    expect([await from(''), await from('#v1')]).toEqual(['2', '1'])
  })
})

describe('a context of the web', () => {
  test('is a tar archive, compressed or not, or a Dockerfile', async () => {
    const tar = tinyTar('inside', 'x')
    const url = await serve((request, response) => {
      if (request.url === '/a.tar') response.end(tar)
      else if (request.url === '/a.tgz') response.end(gzipSync(tar))
      else if (request.url === '/Dockerfile') response.end(copyAll.text)
      else if (request.url === '/owner/name') response.end('<!DOCTYPE html><html>')
      else if (request.url === '/noise') response.end(Buffer.alloc(17 << 20, 'x'))
      else response.writeHead(404).end()
    })
    const { build, home } = await open({})
    const from = (path: string, more: Partial<BuildOptions> = {}) =>
      build({ context: { kind: 'remote', address: `${url}/${path}` }, ...more })
    expect((await from('a.tar', { dockerfile: copyAll })).files).toEqual({ inside: 'x' })
    expect((await from('a.tgz', { dockerfile: copyAll })).files).toEqual({ inside: 'x' })
    // As with docker, the Dockerfile is the one file there is.
    expect((await from('Dockerfile')).files).toEqual({ context: copyAll.text })
    await expect(from('a.tar')).rejects.toMatchObject({ code: 'DOCKERFILE_MISSING' })
    await expect(from('none')).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' })
    await expect(from('owner/name')).rejects.toMatchObject({
      code: 'CONTEXT_INVALID',
      remedy: expect.stringContaining(`${url}/owner/name.git`),
    })
    await expect(from('noise')).rejects.toMatchObject({
      code: 'CONTEXT_INVALID',
      message: expect.stringContaining(`${url}/noise is neither`),
    })
    expect(readdirSync(join(home, 'tare/scratch'))).toEqual([])
  })

  test('can have a Dockerfile from elsewhere, and a folder can', async () => {
    const url = await serve((_, response) => response.end('FROM scratch\nCOPY f /from-afar\n'))
    const { build } = await open({})
    const path = writeFiles(temporaryFolder(), { f: 'f' })
    const dockerfile = { url: `${url}/Dockerfile` }
    expect((await build({ context: { kind: 'directory', path }, dockerfile })).files).toEqual({ 'from-afar': 'f' })
  })

  test('that has a name is the file itself, as with docker', async () => {
    const tar = tinyTar('inside', 'x')
    const url = await serve((_, response) => response.end(tar))
    const { build } = await open({})
    const dockerfile = { text: 'FROM scratch\nCOPY --from=src / /\n' }
    const { files } = await build({
      context: { kind: 'empty' },
      contexts: { src: { kind: 'remote', address: `${url}/dir/a.tar` } },
      dockerfile,
    })
    expect(files).toEqual({ 'a.tar': tar.toString() })
  })

  test('of another kind is refused', async () => {
    const { tare } = await open({})
    for (const address of ['file:///etc', 'ext::sh -c id', 'ftp://example.com/a.tar'])
      await expect(tare.build({ context: { kind: 'remote', address } })).rejects.toMatchObject({
        code: 'CONTEXT_INVALID',
      })
  })
})
