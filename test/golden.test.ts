import { beforeAll, describe, expect, test } from 'vitest'
import { program } from './kit/cli.ts'
import { goldenNames, judgeGolden, type Verdict } from './kit/golden.ts'
import { onDisk } from './kit/on-disk.ts'
import { ownNetwork } from './kit/own-network.ts'

onDisk()

// Cases that cannot be the same yet, and why. To take one off this list is all that is to be done once it works: the
// test fails for a case that is on it without need.
const later: Readonly<Record<string, string>> = {}

describe.skipIf(goldenNames.length === 0)('the images are Docker’s', () => {
  let verdicts: ReadonlyMap<string, Verdict> = new Map()
  let said = ''

  beforeAll(async () => {
    // It serves files on a port that is always the same: another run on this machine would end in the middle of this one.
    const judged = await judgeGolden(`${process.execPath} ${program}`, { wrapper: ownNetwork() })
    verdicts = judged.verdicts
    said = judged.said
  }, 600_000)

  test.each(goldenNames.filter((name) => later[name] === undefined))('%s', (name) => {
    const { word, details } = verdicts.get(name) ?? { word: 'not run', details: said }
    expect(['identical', 'same'], details).toContain(word)
  })

  test.each(goldenNames.filter((name) => later[name] !== undefined))('%s is not supported yet, and says so', (name) => {
    const { word, details } = verdicts.get(name) ?? { word: 'not run', details: said }
    expect(word, 'it works: take it off the list').toBe('FAILED')
    expect(details).toContain(later[name])
    expect(details).toContain('not supported yet')
  })
})
