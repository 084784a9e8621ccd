import type { CheckOptions, CheckResult } from '../../api/index.ts'
import { openContents } from '../../images/contents/index.ts'
import type { Host } from '../../images/index.ts'
import { checkImage } from '../../inspection/index.ts'

/** Finds what breaks an image when it runs, and what it gives away. All its files are read that may hold a secret. */
export async function checkContents(host: Host, options: CheckOptions): Promise<CheckResult> {
  const image = await openContents(host, options.image, { ...options, contents: true })
  try {
    await image.unpack()
    return checkImage(image, options.silences)
  } finally {
    await image.close()
  }
}
