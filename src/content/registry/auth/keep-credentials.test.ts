import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BadRegistry } from '../../../../test/kit/bad-registry.ts'
import { openQuickBench } from '../../../../test/kit/call-tare.ts'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { hasProgram } from '../../../../test/kit/needs.ts'
import { nameOfProcess } from '../../../disk/index.ts'
import { findCredentials, forgetCredentials, keepCredentials } from './index.ts'

async function start(): Promise<BadRegistry> {
  const registry = await BadRegistry.start({ auth: 'basic' })
  onTestFinished(() => registry.stop())
  return registry
}

/** The id of a process that has ended. */
function deadProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid
}

const ada = { user: 'ada', password: 'secret' }

for (const umask of ['000', '022', '077', '277'])
  test(`below a umask of ${umask}, nobody else can ever read the login file or a copy of it`, async () => {
    const registry = await start()
    const { folder, tare } = openQuickBench()
    const env = { DOCKER_CONFIG: join(folder, 'docker') }
    const seen = join(folder, 'seen')
    const traced = hasProgram('strace') ? ['strace', '-f', '-e', 'trace=open,openat,creat', '-o', seen] : []
    const wrapper = ['sh', '-c', 'umask "$0"; exec "$@"', umask, ...traced]
    const argv = ['login', '-u', 'ada', '--password-stdin', registry.host]
    expect(await tare(argv, { env, wrapper, input: 'secret' })).toMatchObject({ code: 0 })
    expect(statSync(join(folder, 'docker/config.json')).mode & 0o777).toBe(0o600)
    if (umask !== '277') expect(statSync(join(folder, 'docker')).mode & 0o077).toBe(0)
    expect(readdirSync(join(folder, 'docker'))).toEqual(['config.json'])
    if (traced.length === 0) return
    const made = readFileSync(seen, 'utf8')
      .split('\n')
      .filter((line) => line.includes('O_CREAT') && line.includes('config.json'))
    expect(made.length).toBeGreaterThan(0)
    for (const line of made) expect(line).toMatch(/O_EXCL.*, 0600\)/)
  })

describe('a file that others could read', () => {
  test('is one for its owner alone after a login, and after a logout', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'config.json')
    writeFileSync(path, '{"auths":{"other.example":{"auth":"eDp5"}}}', { mode: 0o644 })
    await keepCredentials('example.com', ada, { DOCKER_CONFIG: folder })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await forgetCredentials('example.com', { DOCKER_CONFIG: folder })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ auths: { 'other.example': { auth: 'eDp5' } } })
  })
})

for (const [verb, act] of Object.entries({
  login: (environment: Record<string, string>) => keepCredentials('example.com', ada, environment),
  logout: (environment: Record<string, string>) => forgetCredentials('example.com', environment),
}))
  for (const file of ['{"auths":{"example.com":{"auth":"eDp5"}}}', '{}', undefined])
    test(`a ${verb} removes what dead processes left of the file (${file ?? 'none'}), and nothing of the living`, async () => {
      const folder = temporaryFolder()
      const [space] = nameOfProcess().split('-')
      const dead = deadProcess()
      const left = [`.config.json.${space}-${dead}-1-abcdef.part`, `config.json.${dead}.tmp`]
      const kept = [
        `.config.json.${nameOfProcess()}-abcdef.part`,
        `config.json.${process.pid}.tmp`,
        `.config.json.0badbeef-${dead}-1-abcdef.part`,
        'config.json.bak',
        'config.json.x.tmp',
      ]
      for (const name of [...left, ...kept]) writeFileSync(join(folder, name), 'secret')
      if (file !== undefined) writeFileSync(join(folder, 'config.json'), file)
      await act({ DOCKER_CONFIG: folder })
      expect(left.filter((name) => existsSync(join(folder, name)))).toEqual([])
      expect(kept.filter((name) => existsSync(join(folder, name)))).toEqual(kept)
    })

test('logins at the same time are all kept', async () => {
  const registries = await Promise.all(Array.from({ length: 6 }, start))
  const { folder, tare } = openQuickBench()
  const env = { DOCKER_CONFIG: join(folder, 'docker') }
  const ended = await Promise.all(
    registries.map(({ host }) => tare(['login', '-u', 'ada', '--password-stdin', host], { env, input: 'secret' })),
  )
  expect(ended.map(({ code }) => code)).toEqual(registries.map(() => 0))
  for (const { host } of registries) expect(await findCredentials(host, 'app', env)).toMatchObject(ada)
})

describe('--authfile', () => {
  test('is where a login goes, where it is found, and where it ends', async () => {
    const registry = await start()
    const { folder, tare, context } = openQuickBench({ Dockerfile: 'FROM scratch\nLABEL a=b\n' })
    const env = { DOCKER_CONFIG: join(folder, 'docker') }
    const own = ['--authfile', join(folder, 'own/auth.json')]
    const login = await tare(['login', ...own, '-u', 'ada', '--password-stdin', registry.host], {
      env,
      input: 'secret',
    })
    expect(login).toMatchObject({ code: 0 })
    expect(existsSync(join(folder, 'docker'))).toBe(false)
    const name = `${registry.host}/app:1`
    // With the file each verb is let in, and without it none is.
    const verbs = [
      ['build', '--push', '-q', '-t', name, context],
      ['push', '-q', name],
      ['pull', '-q', name],
      ['image', 'digest', name],
      ['image', 'manifest', name],
      ['image', 'config', name],
      ['copy', '-q', name, `${registry.host}/copy:1`],
      ['index', 'create', `${registry.host}/app:all`, name],
      ['registry', 'referrers', name],
      ['registry', 'rm', name],
    ].map(([verb = '', ...rest]): readonly [string[], string[]] =>
      ['image', 'index', 'registry'].includes(verb) ? [[verb, rest[0]!], rest.slice(1)] : [[verb], rest],
    )
    for (const [verb, rest] of verbs) {
      const without = await tare([...verb, ...rest], { env })
      expect(without, verb.join(' ')).toMatchObject({ code: 1, err: expect.stringContaining('answers 401') })
      const { err } = await tare([...verb, ...own, ...rest], { env })
      expect(err, verb.join(' ')).not.toContain('answers 401')
    }
    expect(await tare(['logout', ...own, registry.host], { env })).toMatchObject({ code: 0 })
    expect(await tare(['pull', ...own, name], { env })).toMatchObject({ code: 1 })
  })

  test('that is not there is an error, except for who makes it', async () => {
    const { tare, folder } = openQuickBench()
    const own = ['--authfile', join(folder, 'none.json')]
    for (const verb of [
      ['pull', ...own, '127.0.0.1:9/app'],
      ['registry', 'ls', ...own, '127.0.0.1:9/app'],
    ])
      expect(await tare(verb)).toMatchObject({ code: 1, err: expect.stringContaining('which does not exist') })
    expect(await tare(['logout', ...own, 'example.com'])).toMatchObject({ code: 0 })
  })
})

test('a login hidden by DOCKER_AUTH_CONFIG is reported', async () => {
  const registry = await start()
  const { folder, tare } = openQuickBench()
  mkdirSync(join(folder, 'docker'))
  const auths = { [registry.host]: { auth: Buffer.from('bob:old').toString('base64') } }
  const env = { DOCKER_CONFIG: join(folder, 'docker'), DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) }
  const argv = ['login', '-u', 'ada', '--password-stdin', registry.host]
  const { code, err } = await tare(argv, { env, input: 'secret' })
  expect(code).toBe(0)
  expect(err).toContain('DOCKER_AUTH_CONFIG has a login for the same registry')
})
