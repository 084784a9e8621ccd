import type { EditResult, RebaseOptions } from '../../api/index.ts'
import { editImage, rebasing } from '../../images/edit/index.ts'
import type { Host } from '../../images/index.ts'

/** Puts an image, or each image of an index, onto another base. */
export async function rebase(host: Host, options: RebaseOptions): Promise<EditResult> {
  return editImage(host, options, rebasing(host, options))
}
