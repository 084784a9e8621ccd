import type { LayerSummary, LookOptions } from '../../api/index.ts'
import { openContents } from '../../images/contents/index.ts'
import type { Host } from '../../images/index.ts'
import { summarizeLayers } from '../../inspection/index.ts'

/** The layers of an image, lowest first. */
export async function imageLayers(host: Host, options: LookOptions): Promise<readonly LayerSummary[]> {
  const image = await openContents(host, options.image, options)
  try {
    return summarizeLayers(image)
  } finally {
    await image.close()
  }
}
