import type { EditResult, MutateOptions } from '../../api/index.ts'
import { appending, changeConfig, editImage } from '../../images/edit/index.ts'
import type { Host } from '../../images/index.ts'
import { TareError } from '../../support/index.ts'

/** Changes the config and annotations of an image, or of each image of an index. */
export async function mutate(host: Host, options: MutateOptions): Promise<EditResult> {
  const { layers = [], epoch, annotations } = options
  const append = layers.length === 0 ? undefined : appending(host, { layers, epoch })
  return editImage(host, options, async (image, workshop) => {
    if (options.platform !== undefined && image.isPart)
      throw new TareError(
        'OPTION_INVALID',
        `${options.image} has several images, which cannot all be for one platform`,
        {
          remedy: 'Choose one with --platform.',
        },
      )
    const added = await append?.(image, workshop)
    const config = changeConfig(added?.config ?? image.config, options, host.platform)
    return { ...added, config, annotations }
  })
}
