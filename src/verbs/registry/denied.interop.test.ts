import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hasRegistry, startRegistry } from '../../../test/kit/docker-registry.ts'
import { hasProgram } from '../../../test/kit/needs.ts'
import { startTokenServer } from '../../../test/kit/token-server.ts'
import { openTare } from '../library.ts'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tare-denied-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** A library with an image `name`, and the path of its docker config.json. */
async function open(name: string) {
  const home = folder()
  const environment = { HOME: home, DOCKER_CONFIG: home, CONTAINERS_REGISTRIES_CONF: '/dev/null' }
  const tare = await openTare({ home: join(home, 'store'), environment })
  const dockerfile = { text: 'FROM scratch\nCOPY <<f /\nx\nf\n' }
  await tare.build({ context: { kind: 'empty' }, dockerfile, tags: [name] })
  return { tare, config: join(home, 'config.json') }
}

describe.runIf(hasRegistry)('distribution 2.8 with a password file', () => {
  test('admits users who have logged in, and no others', async () => {
    const path = join(folder(), 'htpasswd')
    // bcrypt of "secret"
    writeFileSync(path, 'ada:$2b$04$Jo.qD3kqec8M6YoozagMguCdIMDchSrCPOKG.1JpTt/4epHZgPOIa\n')
    const registry = await startRegistry(`auth: {htpasswd: {realm: ours, path: ${JSON.stringify(path)}}}`)
    onTestFinished(() => registry.stop())
    const name = `${registry.host}/app:1`
    const { tare, config } = await open(name)
    await expect(tare.registry.push({ name })).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
      message: expect.stringMatching(/answers 401: UNAUTHORIZED: .*asked for pull,push, without credentials/),
      remedy: expect.stringContaining(`tare login ${registry.host}`),
    })
    const login = (password: string) => tare.registry.login({ registry: registry.host, user: 'ada', password })
    await expect(login('wrong')).rejects.toMatchObject({ code: 'REGISTRY_DENIED' })
    await login('secret')
    const { digest } = await tare.registry.push({ name })
    expect(await tare.registry.digest({ name })).toBe(digest)
    writeFileSync(
      config,
      JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from('ada:old').toString('base64') } } }),
    )
    await expect(tare.registry.pull({ name })).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
      message: expect.stringContaining(`credentials from ${config}`),
      remedy: expect.stringContaining('may have expired'),
    })
  })
})

describe.runIf(hasRegistry && hasProgram('openssl', 'version'))('distribution 2.8 with a token server', () => {
  test('grants what the token says; an error tells both what was asked for and what was granted', async () => {
    const allow = (user: string, repository: string) =>
      user === 'ada' && repository.startsWith('ada/') ? ['pull', 'push'] : ['pull']
    const tokens = await startTokenServer(folder(), allow)
    onTestFinished(() => tokens.stop())
    const registry = await startRegistry(tokens.auth)
    onTestFinished(() => registry.stop())
    const name = `${registry.host}/ada/app:1`
    const { tare, config } = await open(name)
    await expect(tare.registry.push({ name })).rejects.toMatchObject({
      code: 'REGISTRY_DENIED',
      message: expect.stringMatching(/repository ada\/app, asked for pull,push, granted pull, without credentials/),
    })
    await tare.registry.login({ registry: registry.host, user: 'ada', password: 'secret' })
    const { digest } = await tare.registry.push({ name })
    expect(tokens.asked).toContain('repository:ada/app:pull,push')
    const other = `${registry.host}/eve/app:1`
    await tare.images.tag(name, other)
    const error = (await tare.registry.push({ name: other }).catch((thrown: unknown) => thrown)) as Error
    expect(error).toMatchObject({
      code: 'REGISTRY_DENIED',
      message: expect.stringContaining(
        `repository eve/app, asked for pull,push, granted pull, credentials from ${config}`,
      ),
      remedy: expect.stringContaining(`The credentials from ${config} are valid, but not allowed to push to eve/app`),
    })
    expect(error.message).not.toContain('secret')
    await tare.registry.logout({ registry: registry.host })
    expect(await tare.registry.digest({ name })).toBe(digest)
  })
})
