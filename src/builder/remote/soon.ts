import { TareError } from '../../support/index.ts'

// For what an engine says after a build.
const patience = 20_000

/** Waits for what has to be over by now. Rejects with `ENGINE_INVALID` if it is not. */
export async function soon<T>(work: Promise<T>, engine: string, fault: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TareError('ENGINE_INVALID', `the engine ${engine} ${fault}`)), patience)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
