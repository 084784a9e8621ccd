import type { Descriptor } from '../../oci/index.ts'
import { asStep } from '../session/index.ts'
import type { OutputWork } from './types.ts'

/** Brings every layer of the image into the store. Returns the document that has them. */
export async function completed(
  { mediaType, digest, size }: Descriptor,
  { host, steps, signal, report }: OutputWork,
): Promise<Descriptor> {
  const { completeImage } = await import('../../images/ingest/index.ts')
  const root = { mediaType, digest, size }
  const title = '[internal] load layers of the image'
  return asStep(steps, title, report, (told) => completeImage(host, root, { signal, report: told }))
}
