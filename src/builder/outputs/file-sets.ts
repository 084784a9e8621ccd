import type { FilesForm } from '../../api/index.ts'
import { formatPlatform } from '../../oci/index.ts'
import type { BuiltImage, OutputWork } from './types.ts'

/** The files of one platform, and where in the output they go. */
export interface FileSet {
  readonly image: BuiltImage
  /** '' or `linux_arm64/`. */
  readonly prefix: string
  readonly epoch: number | undefined
}

/** Returns what a files output holds: a folder for each platform, or all in one. */
export function fileSets({ images }: OutputWork, { platformSplit, epoch }: FilesForm): readonly FileSet[] {
  const split = platformSplit ?? images.length > 1
  return images.map((image) => ({
    image,
    prefix: split ? `${formatPlatform(image.platform).replaceAll('/', '_')}/` : '',
    epoch: epoch ?? image.epoch,
  }))
}
