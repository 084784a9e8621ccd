import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openTare } from '../../src/verbs/library.ts'
import { temporaryFolder } from './cli.ts'

/** The library of a user with a home of their own, and the login file in it. */
export async function openLoginHome() {
  const home = temporaryFolder()
  const file = join(home, '.docker', 'config.json')
  const environment = { HOME: home, PATH: `${join(home, 'bin')}:${process.env['PATH']}` }
  const tare = await openTare({ home: join(home, 'store'), environment })
  const write = (value: unknown) => {
    mkdirSync(join(home, '.docker'), { recursive: true })
    writeFileSync(file, JSON.stringify(value))
  }
  return { tare, home, file, write, read: () => JSON.parse(readFileSync(file, 'utf8')) }
}
