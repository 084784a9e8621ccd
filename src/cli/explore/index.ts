import { StringDecoder } from 'node:string_decoder'
import type { ImageContents } from '../../index.ts'
import type { VerbContext } from '../command.ts'
import { Failure } from '../failure.ts'
import { decodeKeys, type Key } from './decode-keys.ts'
import { drawScreen } from './draw-screen.ts'
import type { Size } from './layout.ts'
import { pressKey } from './press-key.ts'
import { Screen } from './screen.ts'
import { choose, startState } from './state.ts'
import { themeOf } from './theme.ts'

// A terminal sends the rest of a key at once; what stays alone is Escape. Slow connections may split it.
const escapeDelay = 50

type Surroundings = Pick<VerbContext, 'streams' | 'env' | 'signal'>

/** Throws a Failure if there is no terminal to draw on. */
export function requireTerminal({ streams, env }: Pick<VerbContext, 'streams' | 'env'>): void {
  const remedy = '"tare image files --tree" and "tare image layers" print the same to any output.'
  const missing = (['stdin', 'stdout'] as const).find((name) => streams[name].isTTY !== true)
  if (missing !== undefined)
    throw new Failure(
      `--terminal needs a terminal, and ${missing === 'stdin' ? 'standard input' : 'standard output'} is none`,
      {
        remedy,
      },
    )
  if (env['TERM'] === 'dumb') throw new Failure('--terminal cannot draw on this terminal (TERM=dumb)', { remedy })
}

/** Shows an image on the terminal until it is left. Rejects with the signal's reason, the terminal being as it was. */
export async function exploreOnTerminal(image: ImageContents, { streams, env, signal }: Surroundings): Promise<void> {
  const { stdin, stdout } = streams
  // A terminal whose size nobody has set has none.
  const sizeNow = (): Size => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 })
  const theme = themeOf(env)
  const screen = new Screen(stdin, stdout)
  let state = startState(image, sizeNow())
  const draw = () => screen.draw(drawScreen(state, theme))
  const redraw = () => {
    screen.enter()
    state = choose(state, { size: sizeNow() })
    draw()
  }
  let resolve = (): void => {}
  let reject = (_: unknown): void => {}
  const promise = new Promise<void>((done, failed) => {
    resolve = done
    reject = failed
  })
  /** An exception in a listener would end the process with the message on a screen that is gone. */
  const guarded = <T extends unknown[]>(work: (...args: T) => void) => {
    return (...args: T) => {
      try {
        work(...args)
      } catch (error) {
        reject(error)
      }
    }
  }
  const stop = guarded(() => suspend(screen, stop, redraw))
  const take = (keys: readonly Key[]) => {
    for (const key of keys) {
      const next = pressKey(state, key)
      if (next === 'quit') return resolve()
      if (next === 'suspend') stop()
      else state = next
    }
    draw()
  }
  const listener = keyListener(guarded(take))
  const resized = guarded(() => {
    state = choose(state, { size: sizeNow() })
    screen.clear()
    draw()
  })
  const continued = guarded(redraw)
  const aborted = () => reject(signal.reason)
  const ended = () => resolve()
  try {
    screen.enter()
    draw()
    signal.throwIfAborted()
    signal.addEventListener('abort', aborted)
    stdin.on('data', listener.hear).on('end', ended).on('close', ended).on('error', reject)
    stdout.on('resize', resized)
    process.on('SIGCONT', continued)
    if (process.platform !== 'win32') process.on('SIGTSTP', stop)
    await promise
  } finally {
    signal.removeEventListener('abort', aborted)
    stdin.off('data', listener.hear).off('end', ended).off('close', ended).off('error', reject)
    stdout.off('resize', resized)
    process.off('SIGCONT', continued)
    process.off('SIGTSTP', stop)
    listener.end()
    screen.leave()
  }
}

/** Stops like any program on Ctrl-Z; returns when it goes on, or at once if there is no shell to continue it. */
function suspend(screen: Screen, listener: () => void, redraw: () => void): void {
  if (process.platform === 'win32') return
  screen.leave()
  process.off('SIGTSTP', listener)
  process.kill(0, 'SIGTSTP')
  process.on('SIGTSTP', listener)
  redraw()
}

function keyListener(take: (keys: readonly Key[]) => void) {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let timer: NodeJS.Timeout | undefined
  return {
    hear: (chunk: Buffer | string): void => {
      clearTimeout(timer)
      const { keys, rest } = decodeKeys(pending + (typeof chunk === 'string' ? chunk : decoder.write(chunk)))
      pending = rest
      if (keys.length > 0) take(keys)
      if (rest === '') return
      timer = setTimeout(() => {
        const isEscape = pending === '\x1b'
        pending = ''
        if (isEscape) take(['escape'])
      }, escapeDelay)
    },
    end: () => clearTimeout(timer),
  }
}
