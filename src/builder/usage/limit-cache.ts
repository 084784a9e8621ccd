import type { Host } from '../../images/index.ts'
import { TareError, ticks } from '../../support/index.ts'
import { readUsage } from './cache-objects.ts'
import { chooseObjects } from './choose-objects.ts'
import { noteMeasured } from './last-measured.ts'

// What a build may spend on it. The rest is for the next one.
const shortest = 200
const share = 0.05
// A shorter build goes by what an earlier one has measured of RUN.
const worthMeasuring = 2000
// No layer takes longer to be removed.
const perObject = 20

/**
 * Removes what was not used for longest, if the cache is larger than `limit`. `took`: how long the build was, in milliseconds.
 * A store that cannot be measured, because something in it is damaged, stays as it is: the image is there.
 */
export async function limitTo(limit: number, host: Host, took: number): Promise<void> {
  const budget = Math.max(shortest, Math.floor(took * share))
  const end = ticks() + budget
  try {
    const usage = await readUsage(host, {
      signal: AbortSignal.timeout(Math.floor(budget / 2)),
      quick: { measures: took > worthMeasuring },
    })
    noteMeasured(host, usage.cache + usage.images)
    if (usage.cache <= limit) return
    const chosen = chooseObjects(usage, [], { maxUsedSpace: limit }, 0)
    const some = Math.max(1, Math.floor((end - ticks()) / perObject))
    const { removeObjects } = await import('./remove-objects.ts')
    await removeObjects(host, chosen.slice(0, some))
  } catch (error) {
    // The next build tries again.
    if (!(error instanceof TareError)) throw error
  }
}
