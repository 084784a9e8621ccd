import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { type BuildOptions, openTare, type TareEvent } from '../../index.ts'

const token = 'correct-horse-battery'

async function openBench(dockerfile: string, files: Record<string, string> = { note: `x ${token} y` }) {
  const folder = temporaryFolder()
  const path = writeFiles(join(folder, 'context'), { Dockerfile: dockerfile, ...files })
  writeFileSync(join(folder, 'token'), `${token}\n`)
  const tare = await openTare({ home: join(folder, 'home'), environment: {} })
  const events: TareEvent[] = []
  const build = (options: Partial<BuildOptions> = {}) =>
    tare.build({
      ...{
        context: { kind: 'directory', path },
        tags: ['app'],
        secrets: [{ id: 'token', path: join(folder, 'token') }],
      },
      report: (event) => events.push(event),
      ...options,
    })
  return { tare, build, events }
}

const copies = 'FROM scratch\nCOPY note /etc/note\n'

test('a secret in the image is warned of, with its file and step, before the image has a name', async () => {
  const { build, events } = await openBench(copies)
  const { warnings, names } = await build()
  expect(names).toEqual(['app:latest'])
  const message = 'secret "token" is in /etc/note, written by [1/1] COPY note /etc/note'
  expect(warnings).toEqual([{ rule: 'SecretLeaked', message, line: 2 }])
  const warned = events.findIndex((event) => event.type === 'warning')
  expect(events[warned]).toMatchObject({ rule: 'SecretLeaked', message, where: { line: 2 } })
  expect(warned).toBeLessThan(events.findIndex((event) => event.type === 'image'))
  expect((await build()).warnings, 'from the cache').toHaveLength(1)
})

test('each secret and each step is named, and so are environment and labels', async () => {
  const { build } = await openBench(`FROM scratch\nCOPY note /a\nCOPY note /b\nENV T=${token}\nLABEL ${token}=1\n`)
  const { warnings } = await build()
  expect(warnings.map(({ message }) => message.replace(/, written.*/, ''))).toEqual([
    'secret "token" is in /a',
    'secret "token" is in /b',
    expect.stringContaining('secret "token" is in the config of the image, in config.Env[1]'),
    ...warnings.slice(3).map(({ message }) => message),
  ])
})

test('what only another stage holds is not in this image', async () => {
  const dockerfile = 'FROM scratch AS a\nCOPY note /a\nCOPY n2 /b\nFROM scratch\nCOPY --from=a /b /\n'
  const { build } = await openBench(dockerfile, { note: token, n2: 'x' })
  expect((await build()).warnings).toEqual([])
})

describe('a build that holds a secret', () => {
  test('fails where that is asked for, names nothing and remembers nothing', async () => {
    const { tare, build } = await openBench(copies)
    for (let i = 0; i < 2; i++)
      await expect(build({ secretLeak: 'error' })).rejects.toMatchObject({
        code: 'SECRET_LEAKED',
        where: { line: 2 },
      })
    expect(await tare.images.list()).toEqual([])
  })

  test.each([['# check=error=true\n'], ['# check=skip=all;error=true\n'], ['# check=skip=SecretLeaked;error=true\n']])(
    'fails by %j, too',
    async (directive) => {
      const { tare, build } = await openBench(directive + copies)
      await expect(build()).rejects.toMatchObject({ code: 'SECRET_LEAKED' })
      expect(await tare.images.list()).toEqual([])
    },
  )

  test.each([
    ['# check=skip=all\n'],
    ['# check=skip=SecretLeaked\n'],
    ['# check=skip=SecretLeaked;experimental=all\n'],
  ])('is warned of whatever %j says', async (directive) => {
    const { build } = await openBench(directive + copies.replace('COPY', '# check=skip=all\nCOPY'))
    expect((await build()).warnings).toMatchObject([{ rule: 'SecretLeaked' }])
  })

  test('is silent only where the caller allows it, also against the Dockerfile', async () => {
    const { build, events } = await openBench(`# check=error=true\n${copies}`)
    expect((await build({ secretLeak: 'allow' })).warnings).toEqual([])
    expect(events.filter(({ type }) => type === 'warning')).toEqual([])
  })

  test('of several platforms is warned of for each, and its name is masked in a path', async () => {
    const { build } = await openBench('FROM scratch\nCOPY dir /\n', { [`dir/${token}`]: '' })
    const { warnings } = await build({ platforms: ['linux/amd64', 'linux/arm64'] })
    expect(warnings.map(({ message }) => message)).toEqual([
      'secret "token" is in /***, written by [linux/amd64 1/1] COPY dir /',
      'secret "token" is in /***, written by [linux/arm64 1/1] COPY dir /',
    ])
  })

  test('is refused for a policy that does not exist', async () => {
    const { build } = await openBench(copies)
    await expect(build({ secretLeak: 'deny' as 'error' })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})
