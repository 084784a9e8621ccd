import type { ImageContents, LookOptions } from '../../api/index.ts'
import { tableOf } from '../../files/layer/index.ts'
import { openContents, rememberDigests } from '../../images/contents/index.ts'
import type { Host } from '../../images/index.ts'
import { listContents } from '../../inspection/index.ts'

/**
 * All paths of an image, and what its layers did to them. A file is read only if a layer wrote it again in the same size; but layers
 * that are read for their index are kept: who asks for all of this asks for more, and a registry's layers are not fetched twice.
 */
export async function imageContents(host: Host, options: LookOptions): Promise<ImageContents> {
  const image = await openContents(host, options.image, { ...options, contents: true })
  try {
    // Only these may have to be read, for which a compressed one must be on disk.
    await image.unpack(image.layers.filter(({ index }) => !tableOf(index).isHashed))
    const { contents, learnt } = listContents(image)
    rememberDigests(host, learnt)
    return contents
  } finally {
    await image.close()
  }
}
