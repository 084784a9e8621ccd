import type { ImageDetails } from '../../api/index.ts'
import type { Host } from '../../images/index.ts'
import { findImage, imageSize, nameList, noTime, shownDigest } from '../../images/index.ts'
import { familiarRepository } from '../../oci/index.ts'

/** Returns everything about an image that `docker image inspect` shows. */
export async function inspect({ store, platform }: Host, name: string): Promise<ImageDetails> {
  const image = findImage(store, name, platform)
  const { config, id, names, entries, root, tagged } = image
  return {
    Id: id,
    RepoTags: nameList(names),
    RepoDigests: [
      ...new Set(
        entries.flatMap((entry) =>
          entry.name === undefined ? [] : `${familiarRepository(entry.name)}@${shownDigest(store, entry)}`,
        ),
      ),
    ],
    Comment: config.history.at(-1)?.comment ?? '',
    Created: config.created ?? noTime,
    Author: config.author ?? '',
    Config: config.config,
    Architecture: config.platform.architecture,
    ...(config.platform.variant === undefined ? {} : { Variant: config.platform.variant }),
    Os: config.platform.os,
    ...(config.platform.osVersion === undefined ? {} : { OsVersion: config.platform.osVersion }),
    Size: imageSize(store, image),
    RootFS: { Type: 'layers', Layers: config.diffIds },
    Metadata: { LastTagTime: tagged || noTime },
    Descriptor: { mediaType: root.mediaType, digest: root.digest, size: root.size },
  }
}
