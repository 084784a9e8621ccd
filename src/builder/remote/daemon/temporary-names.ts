import { randomBytes } from 'node:crypto'
import { isLeftBy, nameOfProcess } from '../../../disk/index.ts'
import type { DaemonImages } from './daemon-images.ts'

// Images that a daemon keeps for us, for as long as a build takes.
const results = 'tare.invalid/build'
const pushes = 'tare.invalid/push'

/** Returns a name for a result. */
export function temporaryName(): string {
  return `${results}:${ownTag()}`
}

/**
 * Returns a name for an image that has another one while it is pushed: it says which, so that the next build can remove that too.
 * Undefined for one that is too long.
 */
export function nameWhilePushed(name: string): string | undefined {
  const hex = Buffer.from(name).toString('hex')
  return hex.length > 200 ? undefined : `${pushes}/${hex}:${ownTag()}`
}

/** Removes what builds have left that ended without removing it. Rejects if the daemon cannot be asked. */
export async function removeLeftovers(images: DaemonImages): Promise<void> {
  for (const name of await images.namesLike([results, `${pushes}/*`])) {
    const at = name.lastIndexOf(':')
    if (!name.startsWith('tare.invalid/') || !isLeft(name.slice(at + 1))) continue
    if (name.startsWith(`${pushes}/`)) {
      const pushed = Buffer.from(name.slice(pushes.length + 1, at), 'hex').toString('utf8')
      const id = await images.idOf(name)
      // Somebody else may have given it to another image since.
      if (id !== undefined && id === (await images.idOf(encodeURI(pushed)))) await images.remove(encodeURI(pushed))
    }
    await images.remove(name)
  }
}

function ownTag(): string {
  return `${nameOfProcess()}-${Date.now()}-${randomBytes(4).toString('hex')}`
}

/** Processes of other machines cannot be asked: their builds have a day. */
function isLeft(tag: string): boolean {
  const started = Number(tag.split('-')[3])
  return isLeftBy(tag, 0) && (isOfThisMachine(tag) || !(Math.abs(Date.now() - started) < 24 * 3600 * 1000))
}

function isOfThisMachine(tag: string): boolean {
  return tag.split('-')[0] === nameOfProcess().split('-')[0]
}
