import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect } from 'vitest'
import { checkout, environmentOf, type Outcome, type RunOptions } from './cli.ts'
import { atFileEnd } from './file-end.ts'

// The built command line in a process of some user that stays, and runs one call after the other: with descriptors, an environment
// and a user as a process for each call would have, without the time that Node takes to start. It has to end by itself once
// it is not needed any more, so what a call leaves running makes the tests fail.

export interface Resident {
  /** Runs one call, when earlier ones have ended. */
  call(argv: readonly string[], options: RunOptions): Promise<Outcome>
}

const program = `
const { main } = require(${JSON.stringify(join(checkout, 'dist/cli/main.cjs'))})
process.on('message', async ({ argv, env, cwd, umask, mark }) => {
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, env)
  process.chdir(cwd)
  const before = process.umask(umask)
  const code = await main(argv, process.env)
  process.umask(before)
  process.chdir('/')
  process.stdout.write(mark, () => process.stderr.write(mark, () => process.send(code)))
})`

const residents = new Map<string, Resident & { end(): Promise<void> }>()

async function endAll(): Promise<void> {
  const all = [...residents.values()]
  residents.clear()
  await Promise.all(all.map((one) => one.end()))
}

/** The one of this user and with this in front, which is started when it is first needed. */
export function residentOf({ user, wrapper }: Pick<RunOptions, 'user' | 'wrapper'>): Resident {
  const key = JSON.stringify([user, wrapper])
  if (residents.size === 0) atFileEnd(endAll)
  const resident = residents.get(key) ?? startResident(user, wrapper)
  residents.set(key, resident)
  return resident
}

function startResident(user: number | undefined, wrapper: readonly string[] = []) {
  const [file, ...args] = [...wrapper, process.execPath, '-e', program]
  const child = spawn(file!, args, {
    cwd: '/',
    env: environmentOf({}),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    ...(user === undefined ? {} : { uid: user, gid: user }),
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  let before: Promise<unknown> = Promise.resolve()
  return {
    call: (argv: readonly string[], options: RunOptions) => {
      const outcome = before.then(() => call(child, argv, options))
      before = outcome.catch(() => {})
      return outcome
    },
    end: async () => {
      await before
      child.disconnect()
      expect(await ended, 'the process ends by itself').toBe(0)
    },
  }
}

async function call(child: ChildProcess, argv: readonly string[], options: RunOptions): Promise<Outcome> {
  const mark = `-- ${randomBytes(16).toString('hex')} --`
  const [out, err] = [child.stdout!, child.stderr!].map((stream) => readUntil(stream, Buffer.from(mark)))
  const { cwd = '/', umask = process.umask() } = options
  child.send({ argv, env: environmentOf(options), cwd, umask, mark })
  const code = await answerOf(child)
  const bytes = await out!
  return { code, signal: undefined, bytes, out: bytes.toString('utf8'), err: (await err!).toString('utf8') }
}

function answerOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (code: number | null, signal: string | null) => reject(new Error(`tare ended with ${code ?? signal}`))
    child.once('exit', fail)
    child.once('message', (code: number) => {
      child.off('exit', fail)
      resolve(code)
    })
  })
}

/** What the stream says before the mark. */
function readUntil(stream: NodeJS.ReadableStream, mark: Buffer): Promise<Buffer> {
  let said = Buffer.alloc(0)
  return new Promise((resolve) => {
    const hear = (chunk: Buffer) => {
      said = Buffer.concat([said, chunk])
      if (!said.subarray(-mark.length).equals(mark)) return
      stream.off('data', hear)
      resolve(said.subarray(0, -mark.length))
    }
    stream.on('data', hear)
  })
}
