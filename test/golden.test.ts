import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { program, shared, start } from './kit/cli.ts'
import { hasProgram, unlessMissing } from './kit/needs.ts'

// What Docker makes of 59 Dockerfiles (shared/golden), case by case.

// Cases that cannot be the same yet, and why. To take one off this list is all that is to be done once it works: the
// test fails for a case that is on it without need.
const later: Readonly<Record<string, string>> = {}

const golden = join(shared, 'golden')
const isThere = unlessMissing(existsSync(join(golden, 'run.py')), `there is no ${golden}`)
const names = isThere
  ? readdirSync(join(golden, 'expected')).flatMap((name) => /^(.*)\.json$/.exec(name)?.[1] ?? [])
  : []

describe.skipIf(!isThere || !hasProgram('python3'))('the images are Docker’s', () => {
  const verdicts = new Map<string, { readonly word: string; readonly details: string }>()
  let said = ''

  beforeAll(async () => {
    const tare = `${process.execPath} ${program}`
    const { out, err } = await start(['python3', join(golden, 'run.py'), '-v', '--tare', tare]).outcome
    said = out + err
    for (const [, name, word, details] of out.matchAll(/^(\S+) +(identical|same|DIFFERENT|FAILED)\n((?: {3}.*\n)*)/gm))
      verdicts.set(name!, { word: word!, details: details! })
  }, 180_000)

  test.each(names.filter((name) => later[name] === undefined))('%s', (name) => {
    const { word, details } = verdicts.get(name) ?? { word: 'not run', details: said }
    expect(['identical', 'same'], details).toContain(word)
  })

  test.each(names.filter((name) => later[name] !== undefined))('%s is not supported yet, and says so', (name) => {
    const { word, details } = verdicts.get(name) ?? { word: 'not run', details: said }
    expect(word, 'it works: take it off the list').toBe('FAILED')
    expect(details).toContain(later[name])
    expect(details).toContain('not supported yet')
  })
})
