import type { ImageSummary, ListOptions } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { platformSummaries, readFilters, readImages, summaries } from '../../images/index.ts'

/** Lists the store's images, newest first. */
export async function images(host: Host, options: ListOptions = {}): Promise<readonly ImageSummary[]> {
  const { store } = host
  const all = readImages(store, host.platform)
  const references = options.reference === undefined ? [] : [`reference=${options.reference}`]
  const filters = readFilters([...references, ...(options.filters ?? [])], host, all)
  const lines = all
    .filter((image) => filters.dangling === undefined || filters.dangling === (image.names.length === 0))
    .filter((image) => filters.matches(image))
    .flatMap((image) => {
      const lines = summaries(store, image)
      if (options.platforms !== true) return lines
      const platforms = platformSummaries(store, image.root)
      return lines.map((line) => ({ ...line, platforms }))
    })
    .filter((line) => filters.names(line))
  return lines.sort((a, b) => Date.parse(b.created) - Date.parse(a.created))
}
