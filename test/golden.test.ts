import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { program, shared, start } from './kit/cli.ts'
import { hasProgram, unlessMissing } from './kit/needs.ts'
import { ownNetwork } from './kit/own-network.ts'

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
  const expected = mkdtempSync(join(tmpdir(), 'tare-golden-'))
  let said = ''

  beforeAll(async () => {
    const tare = `${process.execPath} ${program}`
    for (const name of names) {
      const text = readFileSync(join(golden, 'expected', `${name}.json`), 'utf8')
      writeFileSync(join(expected, `${name}.json`), name === '17-user-home' ? await ofToday(text) : text)
    }
    const run = ['python3', join(golden, 'run.py'), '-v', '--expected', expected, '--tare', tare]
    // It serves files on a port that is always the same: another run on this machine would end in the middle of this one.
    const { out, err } = await start(run, { wrapper: ownNetwork() }).outcome
    said = out + err
    for (const [, name, word, details] of out.matchAll(/^(\S+) +(identical|same|DIFFERENT|FAILED)\n((?: {3}.*\n)*)/gm))
      verdicts.set(name!, { word: word!, details: details! })
  }, 600_000)

  afterAll(() => rmSync(expected, { recursive: true, force: true }))

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

/** The case adds a user, and /etc/shadow says on which day: the text as it had been, had Docker done that today. */
async function ofToday(text: string): Promise<string> {
  const archive = join(shared, 'alpine/alpine-minirootfs-3.19.4-x86_64.tar.gz')
  const { out } = await start(['tar', '-xzOf', archive, './etc/shadow']).outcome
  const today = Math.floor(Date.now() / 86_400_000)
  const digest = (day: number) => createHash('sha256').update(`${out}app:!:${day}:0:99999:7:::\n`).digest('hex')
  const thatDay = Array.from({ length: 1000 }, (_, ago) => digest(today - ago)).find((found) => text.includes(found))
  return thatDay === undefined ? text : text.replaceAll(thatDay, digest(today))
}
