import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder, writeFiles } from '../../../test/kit/cli.ts'
import { createHost } from '../../images/index.ts'
import { tareOf } from '../library.ts'

const platforms = ['linux/amd64', 'linux/arm64', 'linux/s390x']

test('what platforms share is executed once, even if nothing may come from the cache', async () => {
  const folder = temporaryFolder()
  const context = writeFiles(join(folder, 'context'), { a: 'a', amd64: '1', arm64: '2', s390x: '3' })
  const tare = tareOf(createHost({ home: join(folder, 'home'), environment: {} }))
  const steps = async (noCache: boolean) => {
    const titles = new Map<number, string>()
    const cached: string[] = []
    await tare.build({
      context: { kind: 'directory', path: context },
      dockerfile: { text: 'FROM scratch\nARG TARGETARCH\nCOPY a /\nWORKDIR /w\nCOPY $TARGETARCH own\n' },
      ...{ platforms, noCache },
      report: (event) => {
        if (event.type === 'step-started') titles.set(event.step, event.title)
        if (event.type === 'step-cached') cached.push(titles.get(event.step)!)
      },
    })
    return cached
  }
  const shared = ['arm64', 's390x'].flatMap((name) => [
    `[linux/${name} 1/3] COPY a /`,
    `[linux/${name} 2/3] WORKDIR /w`,
  ])
  expect(await steps(true)).toEqual(shared)
  expect(await steps(true)).toEqual(shared)
  expect(await steps(false)).toHaveLength(9)
})

test('a warning of some platforms says which, and one of all platforms comes once', async () => {
  const folder = temporaryFolder()
  const tare = tareOf(createHost({ home: join(folder, 'home'), environment: {} }))
  const reported: string[] = []
  const text =
    'FROM scratch AS base-amd64\nWORKDIR rel\nFROM scratch AS base-arm64\nFROM base-$TARGETARCH\nLABEL a=$NONE\n'
  const { warnings } = await tare.build({
    context: { kind: 'empty' },
    dockerfile: { text: `ARG TARGETARCH\n${text}` },
    platforms: platforms.slice(0, 2),
    report: (event) => {
      if (event.type === 'warning') reported.push(`${event.rule} ${event.message}`)
    },
  })
  const found = warnings.map(({ rule, message }) => `${rule} ${message}`)
  expect(found).toEqual(reported)
  expect(found.filter((one) => one.startsWith('UndefinedVar'))).toEqual([expect.not.stringContaining('linux/')])
  expect(found.filter((one) => one.startsWith('WorkdirRelativePath'))).toEqual([
    expect.stringMatching(/\(linux\/amd64\)$/),
  ])
})

test.each([
  ['COPY <<E /f\na\nE', ['WindowsLayers']],
  ['ENV A=b', []],
])('layers for Windows are made with a warning: %j', async (line, expected) => {
  const tare = tareOf(createHost({ home: join(temporaryFolder(), 'home'), environment: {} }))
  for (const [platform, rules] of [
    ['windows/amd64', expected],
    ['linux/amd64', []],
  ] as const) {
    const reported: string[] = []
    await tare.build({
      context: { kind: 'empty' },
      dockerfile: { text: `FROM scratch\n${line}\n` },
      platforms: [platform],
      report: (event) => {
        if (event.type === 'warning') reported.push(event.rule)
      },
    })
    expect(reported).toEqual(rules)
  }
})
