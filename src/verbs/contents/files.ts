import type { FilesOptions, ListedFile } from '../../api/index.ts'
import { openContents } from '../../images/contents/index.ts'
import type { Host } from '../../images/index.ts'
import { listFiles } from '../../inspection/index.ts'

/** What is in an image, or in one of its layers. */
export async function imageFiles(host: Host, options: FilesOptions): Promise<readonly ListedFile[]> {
  const image = await openContents(host, options.image, options)
  try {
    return listFiles(image, options)
  } finally {
    await image.close()
  }
}
