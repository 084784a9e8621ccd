import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openTare } from '../../src/index.ts'
import { collect } from '../../src/support/index.ts'
import { isRoot, shared } from '../kit/cli.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { temporaryFolder } from '../kit/registry-images.ts'

// What is said of an image is what other tools find in it.

const alpines = join(shared, 'alpine')
const archives = unlessMissing(existsSync(alpines), `there is no ${alpines}`)
  ? readdirSync(alpines).filter((name) => name.endsWith('.tar.gz'))
  : []

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

/** What GNU tar lists, without what a layer leaves out of a name. */
const listed = (archive: string, ...flags: string[]) =>
  lines(execFileSync('tar', ['-tf', archive, ...flags], { encoding: 'utf8', maxBuffer: 1 << 24 }))
    .map((line) => line.replace(/^\.\//, ''))
    .filter((line) => line !== '')
    .sort()

describe.skipIf(archives.length === 0 || !hasProgram('tar'))('an image of Alpine', () => {
  for (const archive of archives)
    test(`from ${archive} has the files that tar finds there, and its export is that root filesystem again`, async () => {
      const folder = temporaryFolder()
      copyFileSync(join(alpines, archive), join(folder, 'rootfs.tar.gz'))
      writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nADD rootfs.tar.gz /\n')
      const tare = await openTare({ home: temporaryFolder(), environment: {} })
      await tare.build({ context: { kind: 'directory', path: folder }, tags: ['alpine'] })
      const files = await tare.images.files({ image: 'alpine' })
      const names = files.map(({ path, type }) => `${path.slice(1)}${type === 'directory' ? '/' : ''}`)
      expect(names.sort()).toEqual(listed(join(folder, 'rootfs.tar.gz')))
      await tare.images.export({ image: 'alpine', to: { path: join(folder, 'export.tar') } })
      for (const name of ['a', 'b']) mkdirSync(join(folder, name))
      execFileSync('tar', ['-xf', join(folder, 'rootfs.tar.gz'), '-C', join(folder, 'a')])
      execFileSync('tar', ['-xf', join(folder, 'export.tar'), '-C', join(folder, 'b')])
      const compared = spawnSync('diff', ['-r', '--no-dereference', 'a', 'b'], { cwd: folder, encoding: 'utf8' })
      expect(compared).toMatchObject({ stdout: '', status: 0 })
      const sum = files.reduce((total, { size }) => total + size, 0)
      expect((await tare.images.layers({ image: 'alpine' })).map(({ contentSize }) => contentSize)).toEqual([sum])
    })
})

describe.skipIf(!isRoot || !hasProgram('buildah') || archives.length === 0)('an image that buildah has saved', () => {
  for (const transport of ['docker-archive', 'oci-archive', 'oci'])
    test(`as ${transport} is looked into: what is in it, and what is in a file`, async () => {
      const folder = temporaryFolder()
      copyFileSync(join(alpines, archives[0]!), join(folder, 'rootfs.tar.gz'))
      writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nADD rootfs.tar.gz /\nCOPY Dockerfile /etc/motd\n')
      const storage = ['--storage-driver', 'vfs', '--root', join(folder, 'root'), '--runroot', join(folder, 'run')]
      const buildah = (...args: string[]) => execFileSync('buildah', [...storage, ...args], { stdio: 'pipe' })
      buildah('bud', '-q', '--isolation', 'chroot', '--layers', '-t', 'app', folder)
      buildah('push', '-q', 'app', `${transport}:${join(folder, 'saved')}:app:1`)
      const tare = await openTare({ home: temporaryFolder(), environment: {} })
      for (const image of [join(folder, 'saved'), `${transport}:${join(folder, 'saved')}`]) {
        expect(await tare.images.layers({ image })).toHaveLength(2)
        const motd = await collect(tare.images.readFile({ image, path: '/etc/motd' }), 1 << 20)
        expect(motd.toString()).toMatch(/^FROM scratch/)
        const { changes } = await tare.images.why({ image, path: '/etc/motd' })
        expect(changes).toMatchObject([
          { layer: 1, change: 'added' },
          { layer: 2, differences: ['content', 'time'] },
        ])
      }
      buildah('rmi', '-af')
    })
})
