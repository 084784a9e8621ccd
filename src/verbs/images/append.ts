import type { AppendOptions, EditResult } from '../../api/index.ts'
import { appending, editImage } from '../../images/edit/index.ts'
import type { Host } from '../../images/index.ts'
import { TareError } from '../../support/index.ts'

/** Adds layers to an image, or to each image of an index. */
export async function append(host: Host, options: AppendOptions): Promise<EditResult> {
  if (options.layers.length === 0) throw new TareError('OPTION_INVALID', 'no layer was given', { remedy: 'Name one.' })
  return editImage(host, options, appending(host, options))
}
