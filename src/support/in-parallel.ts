/**
 * Maps items through `work`, at most `limit` at a time, and returns the results in order. After a failure no more work starts, and work in progress
 * is awaited.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, place: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  let failure: { readonly error: unknown } | undefined
  const run = async () => {
    while (next < items.length && failure === undefined) {
      const place = next++
      try {
        results[place] = await work(items[place]!, place)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, run))
  if (failure !== undefined) throw failure.error
  return results
}
