import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunOptions, shared, start } from './cli.ts'
import { hasProgram, unlessMissing } from './needs.ts'

// What Docker makes of 59 Dockerfiles (shared/golden), case by case.

const golden = join(shared, 'golden')
const isThere = unlessMissing(existsSync(join(golden, 'run.py')), `there is no ${golden}`) && hasProgram('python3')

export const goldenNames: readonly string[] = isThere
  ? readdirSync(join(golden, 'expected')).flatMap((name) => /^(.*)\.json$/.exec(name)?.[1] ?? [])
  : []

export interface Verdict {
  readonly word: string
  readonly details: string
}

/** Builds every case with a command, and compares. What is not in the map was not run: `said` has why. */
export async function judgeGolden(
  tare: string,
  options: RunOptions,
): Promise<{ verdicts: ReadonlyMap<string, Verdict>; said: string }> {
  const verdicts = new Map<string, Verdict>()
  const expected = mkdtempSync(join(tmpdir(), 'tare-golden-'))
  try {
    for (const name of goldenNames) {
      const text = readFileSync(join(golden, 'expected', `${name}.json`), 'utf8')
      writeFileSync(join(expected, `${name}.json`), name === '17-user-home' ? await ofToday(text) : text)
    }
    const run = ['python3', join(golden, 'run.py'), '-v', '--expected', expected, '--tare', tare]
    const { out, err } = await start(run, options).outcome
    for (const [, name, word, details] of out.matchAll(/^(\S+) +(identical|same|DIFFERENT|FAILED)\n((?: {3}.*\n)*)/gm))
      verdicts.set(name!, { word: word!, details: details! })
    return { verdicts, said: out + err }
  } finally {
    rmSync(expected, { recursive: true, force: true })
  }
}

/** The case adds a user, and /etc/shadow says on which day: the text as it had been, had Docker done that today. */
async function ofToday(text: string): Promise<string> {
  const archive = join(shared, 'alpine/alpine-minirootfs-3.19.4-x86_64.tar.gz')
  const { out } = await start(['tar', '-xzOf', archive, './etc/shadow']).outcome
  const today = Math.floor(Date.now() / 86_400_000)
  const digest = (day: number) => createHash('sha256').update(`${out}app:!:${day}:0:99999:7:::\n`).digest('hex')
  const thatDay = Array.from({ length: 1000 }, (_, ago) => digest(today - ago)).find((found) => text.includes(found))
  return thatDay === undefined ? text : text.replaceAll(thatDay, digest(today))
}
