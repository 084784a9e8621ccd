import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { program, start } from './kit/cli.ts'
import { hasRegistry, startRegistry } from './kit/docker-registry.ts'

// The command line against distribution 2.8: build, push, pull elsewhere, FROM.

describe.runIf(hasRegistry)('images go to a registry and come back', () => {
  test('build, push, pull, FROM, copy, registry ls and rm', async () => {
    const registry = await startRegistry()
    const folder = mkdtempSync(join(tmpdir(), 'tare-cli-registry-'))
    onTestFinished(async () => {
      await registry.stop()
      rmSync(folder, { recursive: true, force: true })
    })
    const { host } = registry
    const tare = async (home: string, ...args: string[]) => {
      const options = { home: join(folder, home), cwd: folder, env: { HOME: folder } }
      return start([process.execPath, program, ...args], options).outcome
    }
    writeFileSync(join(folder, 'f'), 'hello')
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY f /\n')
    expect((await tare('one', 'build', '-q', '-t', `${host}/app:1`, '.')).code).toBe(0)
    const pushed = await tare('one', 'push', '--digestfile', 'digest', `${host}/app:1`)
    const digest = readFileSync(join(folder, 'digest'), 'utf8').trim()
    expect(pushed.err).toBe('')
    expect(pushed.out).toMatch(
      new RegExp(
        `^The push refers to repository \\[${host}/app\\]\n[0-9a-f]{12}: Pushed\n1: digest: ${digest} size: \\d+\n$`,
      ),
    )
    const pulled = await tare('two', 'pull', `${host}/app:1`)
    expect(pulled.out.split('\n').slice(1)).toEqual([
      `Digest: ${digest}`,
      `Status: Downloaded newer image for ${host}/app:1`,
      `${host}/app:1`,
      '',
    ])
    expect((await tare('two', 'pull', '-q', `${host}/app:1`)).out).toBe(`${host}/app:1\n`)
    writeFileSync(join(folder, 'Dockerfile'), `FROM ${host}/app:1\nCOPY f /g\n`)
    const child = await tare('three', 'build', '-t', 'child', '.')
    expect(child.code).toBe(0)
    expect(child.err).toContain(`[internal] load metadata for ${host}/app:1`)
    expect((await tare('three', 'image', 'digest', `${host}/app:1`)).out).toBe(`${digest}\n`)
    expect((await tare('three', 'copy', `${host}/app:1`, `${host}/other:2`)).out).toBe(
      `Digest: ${digest}\n${host}/other:2\n`,
    )
    expect((await tare('three', 'registry', 'ls', `${host}/other`)).out).toBe('2\n')
    expect((await tare('three', 'registry', 'rm', `${host}/other:2`)).out).toBe(`Deleted: ${digest}\n`)
    const gone = await tare('three', 'pull', `${host}/other:2`)
    expect(gone.code).toBe(1)
    expect(gone.err).toContain(`there is no image ${host}/other:2`)
  })
})
