import { createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join, normalize } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alpineRootfs, shared, start, startTare } from '../kit/cli.ts'
import { goldenNames } from '../kit/golden.ts'
import { unlessMissing } from '../kit/needs.ts'

// The Dockerfiles of the golden cases, on engines: the image of a build here, or a word about what the engine lacks.

const engines = (process.env['TARE_TEST_ENGINES'] ?? '').split(' ').filter(Boolean)
const mayRun =
  unlessMissing(engines.length > 0, 'no engine to build on, see TARE_TEST_ENGINES') && goldenNames.length > 0

// What an older engine lacks, in the words that a build says it with; docs/engines.md has the same in its table.
const lacking: Readonly<Record<string, RegExp>> = {
  '09-copy-chmod': /is too old for --chmod=4711/,
  '16b-add-tar-zstd': /is too old for ADD of a zstd archive/,
  '18-run-mounts': /EngineDiffers: .*leaves the folders of mount points/,
  '17-user-home': /EngineDiffers: .*the groups of a USER/,
}

const lastOf = (text: string) => text.slice(text.lastIndexOf('ERROR'))

describe.skipIf(!mayRun)('on an engine, a Dockerfile makes', () => {
  let cases = ''
  let home = ''
  let server: Server | undefined

  const flagsOf = (name: string) => textOf(name, 'args').split(/\s+/).filter(Boolean)
  const textOf = (name: string, file: string) => {
    const path = join(cases, name, file)
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
  }
  const tare = (args: readonly string[], name?: string) =>
    startTare(args, name === undefined ? { home } : { home, cwd: join(cases, name, 'context') }).outcome
  const build = (name: string, ...more: string[]) =>
    tare(['build', '--network=host', '--no-cache', ...flagsOf(name), ...more, '.'], name)

  beforeAll(async () => {
    cases = mkdtempSync(join(tmpdir(), 'tare-golden-'))
    home = join(cases, 'home')
    const made = await start(['bash', join(shared, 'golden/make-cases.sh'), cases, alpineRootfs]).outcome
    expect(made.err).toBe('')
    // Whoever else runs these cases serves the same files.
    server = createServer((request, response) => {
      createReadStream(join(cases, 'www', normalize(request.url ?? '')))
        .on('error', () => response.writeHead(404).end())
        .pipe(response)
    })
      .on('error', () => {})
      .listen(5077, '127.0.0.1')
    for (const name of readdirSync(cases)) if (flagsOf(name).includes('-t')) expect((await build(name)).code).toBe(0)
  })

  afterAll(() => {
    server?.close()
    rmSync(cases, { recursive: true, force: true })
  })

  // A file called .wh.foo is a file to the build that made it, and a whiteout to whoever reads the layer.
  const builds = goldenNames.filter((name) => !name.startsWith('err-') && name !== '16c-add-tar-wh')
  test.each(builds.flatMap((name) => engines.map((engine) => [name, engine])))('%s: %s', async (name, engine) => {
    const here = await build(name!, '-t', 'here')
    const there = await build(name!, '-t', 'there', '--builder', engine!)
    const isTold = lacking[name!]?.test(there.err) === true
    if (here.code !== 0) return expect(lastOf(there.err)).toBe(lastOf(here.err))
    if (isTold && there.code !== 0) return expect(there.err).toMatch(/is too old for/)
    expect(there.err).not.toMatch(/ERROR/)
    expect([here.code, there.code]).toEqual([0, 0])
    const { code, out } = await tare(['image', 'diff', '--semantic', 'here', 'there'])
    expect(isTold ? 0 : code, out).toBe(0)
    const documents = async (tag: string) => {
      const [{ Config, Architecture, Variant, Os }] = JSON.parse((await tare(['inspect', tag])).out)
      const history = (await tare(['history', '--no-trunc', '--format', '{{.CreatedBy}} {{.Size}}', tag])).out
      return { Config, Architecture, Variant, Os, steps: history.replace(/ [^ ]+$/gm, '') }
    }
    expect(await documents('there')).toEqual(await documents('here'))
  })
})
