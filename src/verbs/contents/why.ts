import { createHash } from 'node:crypto'
import type { FileOptions, FileTrace } from '../../api/index.ts'
import { openContents } from '../../images/contents/index.ts'
import type { Host } from '../../images/index.ts'
import { traceFile } from '../../inspection/index.ts'

/** Which layers and instructions wrote, changed or removed a path. */
export async function why(host: Host, options: Omit<FileOptions, 'layer'>): Promise<FileTrace> {
  const image = await openContents(host, options.image, options)
  try {
    return await traceFile(image, options.path, async (layer, entry) => {
      const hash = createHash('sha256')
      for await (const chunk of image.readEntry(layer, entry)) hash.update(chunk)
      return `sha256:${hash.digest('hex')}`
    })
  } finally {
    await image.close()
  }
}
