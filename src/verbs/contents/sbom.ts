import type { SbomOptions } from '../../api/index.ts'
import { openContents } from '../../images/contents/index.ts'
import type { Host } from '../../images/index.ts'
import { billOf, cyclonedxOf, spdxOf } from '../../inspection/index.ts'
import { readVersion, TareError } from '../../support/index.ts'

/** Writes the software bill of materials of an image. All its files are read, unless they are left out. */
export async function sbom(host: Host, { files = true, format = 'spdx', ...options }: SbomOptions): Promise<object> {
  if (format !== 'spdx' && format !== 'cyclonedx')
    throw new TareError('OPTION_INVALID', `${JSON.stringify(format)} is no format of an SBOM`, {
      remedy: 'Use spdx or cyclonedx.',
    })
  const image = await openContents(host, options.image, { ...options, contents: true })
  try {
    await image.unpack()
    const bill = billOf(image, { digest: image.manifest.config.digest, toolVersion: readVersion(), files })
    return format === 'spdx' ? spdxOf(bill) : cyclonedxOf(bill)
  } finally {
    await image.close()
  }
}
