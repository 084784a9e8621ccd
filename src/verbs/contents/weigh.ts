import type { WeighOptions, WeighResult } from '../../api/index.ts'
import { openContents, rememberDigests } from '../../images/contents/index.ts'
import type { Host } from '../../images/index.ts'
import { weigh } from '../../inspection/index.ts'

/** What the bytes of an image are. The package databases are read, and files that have the size of another. */
export async function weighImage(host: Host, options: WeighOptions): Promise<WeighResult> {
  const image = await openContents(host, options.image, { ...options, contents: true })
  try {
    await image.unpack()
    const { result, learnt } = weigh(image, options.rules)
    rememberDigests(host, learnt)
    return result
  } finally {
    await image.close()
  }
}
