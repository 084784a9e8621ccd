import type { EditOptions, EditResult } from '../../api/index.ts'
import { editImage, flattening } from '../../images/edit/index.ts'
import type { Host } from '../../images/index.ts'

/** Makes one layer of an image's layers, or of those of each image of an index. */
export async function flatten(host: Host, options: EditOptions): Promise<EditResult> {
  return editImage(host, options, flattening(host, options))
}
