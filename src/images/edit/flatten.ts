import type { EditOptions } from '../../api/index.ts'
import { FlatFilesystem } from '../../inspection/index.ts'
import { formatPlatform, formatReference, goJson } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { openContents, tarOf } from '../contents/index.ts'
import type { Host } from '../index.ts'
import type { Edit, ImageToEdit, Json } from './edit-documents.ts'
import { NewLayers } from './new-layers.ts'
import type { Workshop } from './workshop.ts'

/** Makes one layer of the layers of each image. The history becomes one line, with the old one as its comment. */
export function flattening(host: Host, options: EditOptions): Edit {
  return async (edited, workshop) => {
    const { image, config, family } = edited
    if (image.manifest.layers.length === 0) return {}
    const contents = await openContents(host, textOf(edited, workshop), {
      ...options,
      ...(edited.isPart ? { platform: formatPlatform(image.config.platform) } : {}),
      contents: true,
    })
    try {
      if (contents.manifest.config.digest !== image.manifest.config.digest)
        throw new TareError('CONTENT_CHANGED', `${options.image} changed while it was read`, { remedy: 'Try again.' })
      const flat = FlatFilesystem.of(contents.layers)
      await contents.unpack()
      const bytes = tarOf(contents, flat, flat.walk())
      const [layer] = await new NewLayers([{ bytes }]).of(family, workshop)
      const line = {
        created: image.config.created,
        created_by: `flatten ${image.blob.digest}`,
        comment: oldHistory(config),
      }
      return {
        config: {
          ...config,
          history: [line],
          rootfs: { ...(config['rootfs'] as Json), type: 'layers', diff_ids: [layer!.diffId] },
        },
        layers: [layer!.blob],
      }
    } finally {
      await contents.close()
    }
  }
}

/** Names exactly this image, where a tag may move meanwhile. */
function textOf({ image }: ImageToEdit, { from, options }: Workshop): string {
  if (from.kind !== 'registry') return options.image
  const { registry, repository } = from.name
  return `docker://${formatReference({ registry, repository, digest: image.blob.digest })}`
}

function oldHistory(config: Json): string {
  return goJson(config['history'] ?? [])
}
