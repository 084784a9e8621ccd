import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import type { Tare } from '../../api/index.ts'
import { openTare } from '../library.ts'

async function startReal(): Promise<string> {
  const registry = await startRegistry()
  onTestFinished(() => registry.stop())
  return registry.host
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tare-push-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const open = () => openTare({ home: folder(), environment: {} })

function build(tare: Tare, tag: string, platforms: readonly string[] = ['linux/amd64']) {
  const text = 'FROM scratch\nCOPY <<one /\nfirst\none\nCOPY <<two /\nsecond\ntwo\nCMD ["/one"]\n'
  return tare.build({ context: { kind: 'empty' }, dockerfile: { text }, tags: [tag], platforms })
}

describe.runIf(hasRegistry)('against distribution 2.8', () => {
  test('to a second repository, everything is mounted and the digest is the same', async () => {
    const host = await startReal()
    const tare = await open()
    await build(tare, `${host}/one:1`)
    const first = await tare.registry.push({ name: `${host}/one:1` })
    const other = await open()
    await other.registry.pull({ name: `${host}/one:1` })
    await other.images.tag(`${host}/one:1`, `${host}/two/deep:x`)
    const second = await other.registry.push({ name: `${host}/two/deep:x` })
    expect(second.digest).toBe(first.digest)
    expect(second.layers.map(({ how }) => how)).toEqual(['mounted', 'mounted'])
  })

  test.runIf(hasProgram('skopeo'))('skopeo reads what was pushed, and we read what skopeo pushed', async () => {
    const host = await startReal()
    const tare = await open()
    const { id } = await build(tare, `${host}/one:1`)
    await tare.registry.push({ name: `${host}/one:1` })
    const copy = ['copy', '--src-tls-verify=false', '--dest-tls-verify=false', '--insecure-policy']
    const { status, stderr } = spawnSync('skopeo', [...copy, `docker://${host}/one:1`, `docker://${host}/two:1`])
    expect(status, String(stderr)).toBe(0)
    const formats = ['--format', 'v2s2']
    expect(
      spawnSync('skopeo', [...copy, ...formats, `docker://${host}/one:1`, `docker://${host}/three:1`]).status,
    ).toBe(0)
    const other = await open()
    expect(await other.registry.pull({ name: `${host}/two:1` })).toMatchObject({ id })
    expect(
      (await other.images.inspect((await other.registry.pull({ name: `${host}/three:1` })).id)).RootFS.Layers,
    ).toHaveLength(2)
  })
})
