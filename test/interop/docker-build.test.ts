import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openArchive } from '../../src/content/archive/index.ts'
import { scanTar } from '../../src/files/tar/index.ts'
import { collect, sha256 } from '../../src/support/index.ts'
import { isRoot, startTare } from '../kit/cli.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { base, cases, refused, writeContext } from './docker-build-cases.ts'
import { type DockerDaemon, startDockerDaemon } from './docker-daemon.ts'

// What Docker makes of a Dockerfile, tare makes too: entry by entry, since old daemons write other header bytes.

const ready = unlessMissing(isRoot, 'dockerd is tried as root only') && hasProgram('dockerd') && hasProgram('docker')

describe.skipIf(!ready)('Docker builds', () => {
  let folder: string
  let daemon: DockerDaemon | string
  let context: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tare-docker-build-'))
    context = join(folder, 'context')
    mkdirSync(context)
    await writeContext(context, (bytes) => gzipSync(bytes))
    daemon = await startDockerDaemon(join(folder, 'docker'))
    if (typeof daemon === 'string') {
      console.warn(`skipped: ${daemon}`)
      return
    }
    docker('base', base)
    await tare(['build', '-q', '-t', 'base', '-f', dockerfile('base', base), context])
  })
  beforeEach((task) => {
    if (typeof daemon === 'string') task.skip(daemon)
  })
  afterAll(async () => {
    if (daemon !== undefined && typeof daemon !== 'string') await daemon.stop()
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  })

  function dockerfile(name: string, lines: readonly string[]): string {
    const path = join(folder, `Dockerfile.${name}`)
    writeFileSync(path, `${lines.join('\n')}\n`)
    return path
  }

  function docker(name: string, lines: readonly string[]): void {
    ;(daemon as DockerDaemon).docker(['build', '-q', '-t', name, '-f', dockerfile(name, lines), context])
  }

  async function tare(argv: readonly string[]): Promise<void> {
    const { code, err } = await startTare(argv, { home: join(folder, 'home'), cwd: folder }).outcome
    if (code !== 0) throw new Error(err)
  }

  /** What an archive's image says. */
  async function factsOf(path: string) {
    const archive = await openArchive(path, { scratch: join(folder, 'scratch') })
    try {
      const [image] = await archive.images()
      const { config, history, author } = image!.configuration
      const layers = []
      for (const layer of image!.layers) layers.push(entriesOf(await collect(await layer.open(), 1 << 24)))
      return {
        author,
        config: Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null)),
        // Old daemons tell the default of an ARG, newer ones its value; and they do not tell --chown.
        history: history.map(({ created_by, empty_layer }) => [
          created_by?.replace(/^ARG (\w+).*$/, 'ARG $1').replace(/ --chown=\S+/, ''),
          empty_layer,
        ]),
        layers,
      }
    } finally {
      await archive.close()
    }
  }

  test.each(Object.entries(cases))('the image is Docker’s: %s', async (title, lines) => {
    const name = `case-${Object.keys(cases).indexOf(title)}`
    docker(name, lines)
    ;(daemon as DockerDaemon).docker(['save', '-o', join(folder, 'docker.tar'), name])
    await tare(['build', '-q', '-t', name, '-f', dockerfile(name, lines), context])
    await tare(['save', '-o', join(folder, 'tare.tar'), name])
    expect(await factsOf(join(folder, 'tare.tar'))).toEqual(await factsOf(join(folder, 'docker.tar')))
  })

  test.each(Object.entries(refused))('%s is refused', async (title, lines) => {
    const name = `refused-${Object.keys(refused).indexOf(title)}`
    expect(() => docker(name, lines)).toThrow()
    await expect(tare(['build', '-q', '-f', dockerfile(name, lines), context])).rejects.toThrow()
  })
})

/** Old daemons do not keep a directory's time. */
function timeOf(kind: string, mtime: number): number | 'now' | undefined {
  if (kind === 'directory') return undefined
  return mtime > Date.now() / 1000 - 24 * 60 * 60 ? 'now' : mtime
}

function entriesOf(tar: Buffer) {
  return [...scanTar({ size: tar.length, read: (into, at) => tar.copy(into, 0, at) })].map((entry) => {
    const { path, kind, mode, uid, gid, size, mtime, link, runs } = entry
    const digest = sha256(Buffer.concat(runs.map((run) => tar.subarray(run.at, run.at + run.length))))
    return { path, kind, mode, uid, gid, size, mtime: timeOf(kind, mtime), link, digest }
  })
}
