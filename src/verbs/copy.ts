import { copyImage } from '../content/index.ts'
import { formatReference, parseReference } from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import type { Host } from './host.ts'
import { openRepository } from './remote-image.ts'
import type { CopyOptions, CopyResult } from './types.ts'

/** Copies an image or an index, with everything it names and byte for byte, from one registry to another. */
export async function copy(host: Host, options: CopyOptions): Promise<CopyResult> {
  const from = parseReference(options.from)
  const to = parseReference(options.to)
  if (to.tag === undefined)
    throw new TareError('REFERENCE_INVALID', `"${options.to}" has no tag: a copy gives the image a name`)
  const source = await openRepository(host, from, options)
  const target = await openRepository(host, to, options)
  try {
    const root = await source.resolve(from)
    if (root === undefined) throw new TareError('IMAGE_UNKNOWN', `there is no image ${options.from} in its registry`)
    const { report, signal } = options
    // In one registry, blobs are mounted.
    if (from.registry === to.registry) await source.tag(to, root)
    else await copyImage(source, root, target, to, { report, signal })
    return { fullName: formatReference(to), digest: root.digest }
  } finally {
    source.close()
    target.close()
  }
}
