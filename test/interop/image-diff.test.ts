import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isRoot, shared, startTare, writeFiles } from '../kit/cli.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { startDockerDaemon } from './docker-daemon.ts'

// Images of one Dockerfile, by different builders: the same but for what --semantic names.

const rootfs = join(shared, 'alpine/alpine-minirootfs-3.19.4-x86_64.tar.gz')
const ready =
  unlessMissing(isRoot, 'other builders are tried as root only') &&
  unlessMissing(existsSync(rootfs), `there is no ${rootfs}`)

const dockerfile = `FROM scratch AS base
ADD rootfs.tgz /
FROM base
ENV A=1 PATH=/bin:/usr/bin
LABEL team=x
WORKDIR /app
COPY src /app/src
COPY --chown=1000:1000 src/a /app/owned
RUN rm -f /etc/motd && mkdir -p /srv/x && echo hi > /app/run && ln /app/run /app/linked && chmod 4755 /app/run
USER 1000
EXPOSE 80
VOLUME /data
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "id"]
`

describe.skipIf(!ready)('images of one Dockerfile', () => {
  let folder: string
  let context: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tare-image-diff-'))
    context = writeFiles(join(folder, 'context'), { Dockerfile: dockerfile, 'src/a': 'hello\n', 'src/sub/b': 'x' })
    copyFileSync(rootfs, join(context, 'rootfs.tgz'))
    expect(await tare('build', '-q', '-t', 'ours', context)).toMatchObject({ code: 0 })
  })
  afterAll(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  const tare = (...argv: readonly string[]) => startTare(argv, { home: join(folder, 'home'), cwd: folder }).outcome

  async function expectEqual(archive: string): Promise<void> {
    const { code, out } = await tare('image', 'diff', '--semantic', 'ours', archive)
    expect(out).toMatch(/\nEqual\. Ignored: /)
    expect(code).toBe(0)
    const strict = await tare('image', 'diff', '--json', 'ours', archive)
    expect(strict.code).toBe(1)
    const { history, layers } = JSON.parse(strict.out)
    expect([history.length > 0, layers.length > 0]).toEqual([true, true])
  }

  test.skipIf(!hasProgram('buildah'))('buildah’s is the same as ours', async () => {
    const storage = ['--root', join(folder, 'b'), '--runroot', join(folder, 'b-run'), '--storage-driver', 'vfs']
    const buildah = (...args: readonly string[]) =>
      execFileSync('buildah', [...storage, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
    const id = buildah('bud', '-q', '--isolation', 'chroot', context)
    for (const form of ['docker-archive', 'oci-archive']) {
      buildah('push', '-q', id, `${form}:${join(folder, `${form}.tar`)}:b:1`)
      await expectEqual(`${form}.tar`)
    }
  })

  test.skipIf(!(hasProgram('dockerd') && hasProgram('docker')))('Docker’s is the same as ours', async (task) => {
    const daemon = await startDockerDaemon(join(folder, 'docker'))
    if (typeof daemon === 'string') {
      console.warn(`skipped: ${daemon}`)
      return task.skip(daemon)
    }
    try {
      daemon.docker(['build', '-q', '--network', 'none', '-t', 'd:1', context])
      daemon.docker(['save', '-o', join(folder, 'docker.tar'), 'd:1'])
      await expectEqual('docker.tar')
    } finally {
      await daemon.stop()
    }
  })

  test('a changed line of it is a difference, whatever is ignored', async () => {
    const other = join(folder, 'other')
    mkdirSync(other)
    writeFileSync(join(other, 'Dockerfile'), 'FROM ours\nCOPY Dockerfile /app/run\nENV A=2\n')
    expect(await tare('build', '-q', '-t', 'other', other)).toMatchObject({ code: 0 })
    const { code, out } = await tare('image', 'diff', '--json', '--semantic', 'ours', 'other')
    expect(code).toBe(1)
    const { config, files } = JSON.parse(out)
    expect(config.map(({ member }: { member: string }) => member)).toEqual(['config.Env.A'])
    expect(files.map(({ path }: { path: string }) => path)).toContain('app/run')
  })
})
