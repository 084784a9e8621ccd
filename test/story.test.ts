import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openQuickBench } from './kit/call-tare.ts'
import { faultsOf } from './kit/check-store.ts'
import { alpineRootfs, isRoot, ordinaryUser, type RunOptions } from './kit/cli.ts'
import { hasProgram, unlessMissing } from './kit/needs.ts'
import { onDisk } from './kit/on-disk.ts'

onDisk()

// The story of the README, with the real Alpine: the very bytes that Docker and buildah make of it.

const rootfs = alpineRootfs
const diffId = 'sha256:ba79b2c0127890636a791eb3ec3993cce08a50cc01fcb1513f0e8fbae41977af'
const layerBytes = 7_685_632
const dockerfile = 'FROM scratch\nADD alpine-minirootfs.tgz /\nCMD ["/bin/sh"]\n'

async function openStory(options: RunOptions = {}) {
  const bench = openQuickBench({ Dockerfile: dockerfile })
  const archive = join(bench.context, 'alpine-minirootfs.tgz')
  copyFileSync(rootfs, archive)
  chmodSync(archive, 0o644)
  if (options.user !== undefined) chmodSync(bench.folder, 0o777)
  const tell = (argv: readonly string[], more: RunOptions = {}) => bench.succeed(argv, { ...options, ...more })
  const id = (await tell(['build', '-q', '-t', 'scratch-alpine', 'context'])).trim()
  return { ...bench, archive, tell, id }
}

describe.skipIf(!unlessMissing(existsSync(rootfs), `there is no ${rootfs}`))('Alpine from scratch', () => {
  test('the layer has the bytes that Docker and buildah make', async () => {
    const { home, tell } = await openStory()
    const [image] = JSON.parse(await tell(['image', 'inspect', 'scratch-alpine']))
    expect(image.RootFS).toEqual({ Type: 'layers', Layers: [diffId] })
    expect(statSync(join(home, 'blobs', diffId.replace(':', '/'))).size).toBe(layerBytes)
    expect(await faultsOf(home)).toEqual([])
  })

  test('config and history are Docker’s, key for key', async () => {
    const { home, tell, id } = await openStory()
    const text = readFileSync(join(home, 'blobs', id.replace(':', '/')), 'utf8')
    const { created } = JSON.parse(text) as { created: string }
    expect(created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/)
    const expected = {
      architecture: 'amd64',
      config: {
        Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
        Cmd: ['/bin/sh'],
        WorkingDir: '/',
        ArgsEscaped: true,
      },
      created,
      history: [
        { created, created_by: 'ADD alpine-minirootfs.tgz / # buildkit', comment: 'buildkit.dockerfile.v0' },
        { created, created_by: 'CMD ["/bin/sh"]', comment: 'buildkit.dockerfile.v0', empty_layer: true },
      ],
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [diffId] },
    }
    expect(text).toBe(JSON.stringify(expected))
    const lines = await tell([
      'image',
      'history',
      '--format',
      '{{.CreatedBy}}|{{.Size}}|{{.Comment}}',
      'scratch-alpine',
    ])
    expect(lines).toBe(
      'CMD ["/bin/sh"]|0B|buildkit.dockerfile.v0\n' +
        'ADD alpine-minirootfs.tgz / # buildkit|7.39MB|buildkit.dockerfile.v0\n',
    )
  })

  test('the list is docker’s table', async () => {
    const { tell, id } = await openStory()
    const [head, line, end] = (await tell(['image', 'ls'])).split('\n')
    expect(head).toMatch(/^REPOSITORY {7}TAG {7}IMAGE ID {7}CREATED +SIZE$/)
    expect(line).toMatch(
      new RegExp(
        `^scratch-alpine {3}latest {4}${id.slice(7, 19)} {3}(?:\\d+ seconds?|Less than a second) ago +7\\.39MB$`,
      ),
    )
    expect(end).toBe('')
  })

  test('save, and load elsewhere: the same image, in both forms', async () => {
    const { folder, tell, id, home } = await openStory()
    for (const format of ['docker', 'docker-legacy', 'oci']) {
      const file = join(folder, `${format}.tar`)
      await tell(['image', 'save', '--format', format, '-o', file, 'scratch-alpine'])
      const other = join(folder, `home-${format}`)
      expect(await tell(['image', 'load', '-i', file], { home: other })).toBe('Loaded image: scratch-alpine:latest\n')
      expect(await tell(['images', '-q', '--no-trunc'], { home: other })).toBe(`${id}\n`)
      expect(await faultsOf(other)).toEqual([])
    }
    expect(await faultsOf(home)).toEqual([])
  })

  test('tar lists what is saved: an OCI layout that is a docker-archive, and the older form', async () => {
    const { folder, home, tell, id } = await openStory()
    await tell(['image', 'save', '-o', 'new.tar', 'scratch-alpine'])
    await tell(['image', 'save', '--format', 'docker-legacy', '-o', 'old.tar', 'scratch-alpine'])
    const members = (file: string) =>
      execFileSync('tar', ['-tf', file], { cwd: folder, encoding: 'utf8' }).trim().split('\n').sort()
    const [{ digest }] = JSON.parse(readFileSync(join(home, 'index.json'), 'utf8')).manifests
    const blobs = [id, diffId, digest].map((name: string) => `blobs/${name.replace(':', '/')}`)
    expect(members('new.tar')).toEqual(
      ['blobs/', 'blobs/sha256/', ...blobs, 'index.json', 'manifest.json', 'oci-layout', 'repositories'].sort(),
    )
    const old = members('old.tar')
    const layer = old.find((name) => name.endsWith('/layer.tar'))!.split('/')[0]!
    expect(old).toEqual(
      [
        ...[`${layer}/`, `${layer}/VERSION`, `${layer}/json`, `${layer}/layer.tar`],
        ...[`${id.slice(7)}.json`, 'manifest.json', 'repositories'],
      ].sort(),
    )
  })

  test('built again it is the same image', async () => {
    const { tell, id } = await openStory()
    expect(await tell(['build', '-q', '-t', 'scratch-alpine', 'context'])).toBe(`${id}\n`)
    expect(await tell(['image', 'ls', '-q'])).toBe(`${id.slice(7, 19)}\n`)
  })

  test.skipIf(!hasProgram('strace', '-V'))('built again, no content of a file is read', async () => {
    const { folder, archive, tell, id } = await openStory()
    // A file this young might change again without a sign of it: that is why it is looked at once more.
    await new Promise((go) => setTimeout(go, 100))
    await tell(['build', '-q', '-t', 'scratch-alpine', 'context'])
    const trace = join(folder, 'trace')
    const wrapper = ['strace', '-f', '-qq', '-o', trace, '-e', 'trace=open,openat,openat2']
    expect(await tell(['build', '-q', '-t', 'scratch-alpine', 'context'], { wrapper })).toBe(`${id}\n`)
    const opened = readFileSync(trace, 'utf8')
    expect(opened).toContain('context/Dockerfile')
    expect(opened).not.toContain(archive)
    // What is noted of it may be.
    expect(opened).not.toContain(`blobs/sha256/${diffId.slice(7)}`)
  })

  const canBeOrdinary = unlessMissing(isRoot, 'only root can try as another user; these tests run as one already')
  test.skipIf(!canBeOrdinary)('an ordinary user can do all of it', async () => {
    const { folder, home, tell, id } = await openStory({ user: ordinaryUser })
    expect(statSync(join(home, 'index.json')).uid).toBe(ordinaryUser)
    mkdirSync(join(folder, 'out'))
    chmodSync(join(folder, 'out'), 0o777)
    await tell(['image', 'save', '-o', 'out/image.tar', 'scratch-alpine'])
    const other = join(folder, 'other')
    expect(await tell(['image', 'load', '-i', 'out/image.tar'], { home: other })).toMatch(/scratch-alpine/)
    expect(await tell(['images', '-q', '--no-trunc'], { home: other })).toBe(`${id}\n`)
    expect(await tell(['image', 'rm', 'scratch-alpine'])).toContain(`Deleted: ${id}`)
    expect(await faultsOf(home)).toEqual([])
  })
})
