import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { openTare } from '../../verbs/library.ts'

const tools = ['skopeo', 'umoci'].filter((tool) => hasProgram(tool))

test.runIf(hasRegistry && tools.length === 2)(
  'skopeo and umoci read what was appended, mutated, rebased and flattened within distribution 2.8',
  async () => {
    const registry = await startRegistry()
    onTestFinished(() => registry.stop())
    const tare = await openTare({ home: temporaryFolder(), environment: {} })
    const app = `${registry.host}/app`
    const folder = temporaryFolder()
    for (const name of ['base', 'newer', 'own']) writeFileSync(join(folder, name), name)
    const build = async (name: string, text: string) => {
      await tare.build({ context: { kind: 'directory', path: folder }, dockerfile: { text }, tags: [name] })
      await tare.registry.push({ name })
    }
    const base = `${registry.host}/base`
    await build(`${base}:1`, 'FROM scratch\nCOPY base /base\n')
    await build(`${base}:2`, 'FROM scratch\nCOPY base newer /\n')
    await build(`${app}:1`, `FROM ${base}:1\nCOPY own /own\nENV A=1\n`)
    const image = (tag: string) => `docker://${app}:${tag}`
    await tare.images.append({ image: image('1'), to: image('2'), layers: [{ path: folder }] })
    await tare.images.mutate({
      image: image('2'),
      to: image('3'),
      env: { A: '2' },
      entrypoint: ['/own'],
      annotations: { a: 'b' },
    })
    await tare.images.rebase({ image: image('3'), to: image('4'), oldBase: `${base}:1`, newBase: `${base}:2` })
    await tare.images.flatten({ image: image('4'), to: image('5') })
    const layout = temporaryFolder()
    for (const tag of ['4', '5']) {
      const inspected = JSON.parse(run('skopeo', 'inspect', '--tls-verify=false', '--config', image(tag)))
      expect(inspected.config).toMatchObject({ Entrypoint: ['/own'], Env: expect.arrayContaining(['A=2']) })
      expect(inspected.rootfs.diff_ids).toHaveLength(tag === '4' ? 3 : 1)
      run('skopeo', 'copy', '--src-tls-verify=false', image(tag), `oci:${layout}:${tag}`)
      const bundle = join(temporaryFolder(), 'bundle')
      run('umoci', 'unpack', '--rootless', '--image', `${layout}:${tag}`, bundle)
      for (const name of ['base', 'newer', 'own']) expect(readFileSync(join(bundle, 'rootfs', name), 'utf8')).toBe(name)
    }
    expect(JSON.parse(run('skopeo', 'inspect', '--tls-verify=false', '--raw', image('4'))).annotations).toMatchObject({
      ...{ a: 'b', 'org.opencontainers.image.base.name': `${base}:2` },
    })
  },
)

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
