import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { alpineRootfs, openBench, temporaryFolder } from '../kit/cli.ts'
import { hasRegistry, startRegistry } from '../kit/docker-registry.ts'
import { hasProgram, unlessMissing } from '../kit/needs.ts'
import { startTokenServer } from '../kit/token-server.ts'

// Private bases, pulled by the engine.

const engines = (process.env['TARE_TEST_ENGINES'] ?? '').split(' ').filter(Boolean)
const mayRun = unlessMissing(engines.length > 0, 'no engine to build on, see TARE_TEST_ENGINES') && hasRegistry

/** A bench whose user has a login for the registry, and a private base there with one file. */
async function benchWith(registry: string) {
  const bench = openBench({})
  const config = join(temporaryFolder(), 'config.json')
  writeFileSync(
    config,
    JSON.stringify({ auths: { [registry]: { auth: Buffer.from('ada:secret').toString('base64') } } }),
  )
  const env = { DOCKER_CONFIG: join(config, '..') }
  execFileSync('cp', [alpineRootfs, join(bench.context, 'alpine.tgz')])
  const unique = String(process.hrtime.bigint())
  writeFileSync(join(bench.context, 'unique'), unique)
  const base = `${registry}/private/base:1`
  const file = 'FROM scratch\nADD alpine.tgz /\nCOPY unique /u\n'
  await bench.succeed(['build', '--push', '-t', base, '-f', '-', bench.context], { input: file, env })
  await bench.succeed(['rmi', base])
  return { bench, base, unique, env }
}

describe.skipIf(!mayRun)('a base that needs a login', () => {
  test.runIf(hasProgram('openssl', 'version')).each(engines)(
    'is pulled with a token of the least scope, while the password stays here: %s',
    async (builder) => {
      const tokens = await startTokenServer(temporaryFolder(), (user) => (user === 'ada' ? ['pull', 'push'] : []))
      const registry = await startRegistry(tokens.auth)
      onTestFinished(async () => {
        tokens.stop()
        await registry.stop()
      })
      const { bench, base, unique, env } = await benchWith(registry.host)
      tokens.asked.length = 0
      const input = `FROM ${base}\nRUN cp /u /copied\n`
      const args = ['build', '--builder', builder, '--network=none', '-t', 'there', '-f', '-', bench.context]
      const denied = await bench.tare(args, { input })
      expect(denied.code).toBe(1)
      tokens.asked.length = 0
      const { err } = await bench.tare(args, { input, env })
      expect(err).not.toMatch(/ERROR|password/)
      expect(new Set(tokens.asked)).toEqual(new Set(['repository:private/base:pull']))
      expect(await bench.succeed(['run', '--rm', '--network=none', 'there', 'cat', '/copied'])).toBe(unique)
      // A push by the engine may write there, and only there.
      tokens.asked.length = 0
      const pushed = `${registry.host}/private/out:1`
      const push = ['build', '--builder', builder, '--network=none', '--push', '-t', pushed, '-f', '-', bench.context]
      const told = await bench.tare(push, { input, env })
      expect(told.err).not.toMatch(/ERROR|password|EnginePush/)
      expect(told.code).toBe(0)
      for (const scope of tokens.asked) expect(scope).toMatch(/^repository:private\/(base:pull|out:pull(,push)?)$/)
      await bench.succeed(['rmi', 'there', pushed])
      await bench.succeed(['pull', pushed], { env })
    },
  )

  test.each(engines)(
    'is pulled with the password where the registry has no tokens, which is told: %s',
    async (builder) => {
      const file = join(temporaryFolder(), 'htpasswd')
      // `htpasswd -nbB ada secret`
      writeFileSync(file, 'ada:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n')
      const registry = await startRegistry(`auth: {htpasswd: {realm: here, path: ${file}}}`)
      onTestFinished(() => registry.stop())
      const { bench, base, unique, env } = await benchWith(registry.host)
      const input = `FROM ${base}\nRUN cp /u /copied\n`
      const args = ['build', '--builder', builder, '--network=none', '-t', 'there', '-f', '-', bench.context]
      const { err } = await bench.tare(args, { input, env })
      expect(err).toMatch(/EngineLogin: the engine gets the password for 127/)
      expect(await bench.succeed(['run', '--rm', '--network=none', 'there', 'cat', '/copied'])).toBe(unique)
      const pushed = `${registry.host}/private/out:1`
      const push = ['build', '--builder', builder, '--network=none', '--push', '-t', pushed, '-f', '-', bench.context]
      const told = await bench.tare(push, { input, env })
      expect(told.err).not.toMatch(/ERROR|EnginePush/)
      await bench.succeed(['rmi', 'there', pushed])
      await bench.succeed(['pull', pushed], { env })
    },
  )
})
