import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import type { Tare } from '../../api/index.ts'
import { openTare } from '../library.ts'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tare-copy-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const open = () => openTare({ home: folder(), environment: {} })

describe.runIf(hasRegistry && hasProgram('skopeo'))('with distribution 2.8 and skopeo', () => {
  const skopeo = (...args: string[]) => {
    const tls = ['--src-tls-verify=false', '--dest-tls-verify=false']
    const { status, stderr } = spawnSync('skopeo', ['--insecure-policy', 'copy', '-q', ...tls, ...args])
    expect(status, `${args.join(' ')}: ${stderr}`).toBe(0)
  }

  async function pushBuilt(tare: Tare, name: string): Promise<string> {
    const text = 'FROM scratch\nCOPY <<one /\nfirst\none\nCOPY <<two /\nsecond\ntwo\n'
    const platforms = ['linux/amd64', 'linux/arm64']
    await tare.build({ context: { kind: 'empty' }, dockerfile: { text }, tags: [name], platforms })
    return (await tare.registry.push({ name })).digest
  }

  test('skopeo reads what is written, and what skopeo writes is read, with the same digest', async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    const { host } = registry
    const tare = await open()
    const at = folder()
    const digest = await pushBuilt(tare, `${host}/app:1`)
    const back = async (from: string, to: string) =>
      expect((await tare.registry.copy({ from, to })).digest, from).toBe(digest)
    for (const kind of ['oci', 'oci-archive']) {
      await tare.registry.copy({ from: `${host}/app:1`, to: `${kind}:${at}/ours-${kind}:v1` })
      skopeo('--all', '--preserve-digests', `${kind}:${at}/ours-${kind}:v1`, `docker://${host}/${kind}:ours`)
      skopeo('--all', `docker://${host}/app:1`, `${kind}:${at}/theirs-${kind}:v1`)
      await back(`docker://${host}/${kind}:ours`, `${host}/again/${kind}:1`)
      await back(`${kind}:${at}/theirs-${kind}:v1`, `${host}/again/${kind}:2`)
    }
    await tare.registry.copy({
      from: `${host}/app:1`,
      to: `docker-archive:${at}/ours.tar:app:1`,
      platforms: ['linux/amd64'],
    })
    skopeo(`docker-archive:${at}/ours.tar:app:1`, `oci:${at}/unpacked:1`)
    skopeo('--override-arch', 'amd64', `docker://${host}/app:1`, `docker-archive:${at}/theirs.tar:app:1`)
    const { id } = await tare.registry.pull({ name: `${host}/app:1`, platform: 'linux/amd64' })
    await tare.registry.copy({ from: `docker-archive:${at}/theirs.tar:app:1`, to: 'store:theirs' })
    expect((await tare.images.inspect('theirs')).Id).toBe(id)
  })
})
