import type { FilesForm } from '../../api/index.ts'
import { formatPlatform } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import type { ImageFiles } from './image-files.ts'
import type { BuiltImage, OutputWork } from './types.ts'

/** The files of one platform, and where in the output they go. */
export interface FileSet {
  readonly image: BuiltImage
  /** '' or `linux_arm64/`. */
  readonly prefix: string
  readonly epoch: number | undefined
  /** What is stated about the image. */
  readonly statements: readonly { readonly path: string; readonly bytes: Buffer }[]
}

/** Returns what a files output holds: a folder for each platform, or all in one. */
export async function fileSets(
  { images, attester }: OutputWork,
  { platformSplit, epoch, attestationPrefix = '' }: FilesForm,
): Promise<readonly FileSet[]> {
  const split = platformSplit ?? images.length > 1
  const sets: FileSet[] = []
  for (const image of images) {
    const platform = formatPlatform(image.platform).replaceAll('/', '_')
    const prefix = split ? `${platform}/` : ''
    const statements = (await attester?.about(image, image.manifest.blob, [], false)) ?? []
    const isShared = !split && images.length > 1
    sets.push({
      ...{ image, prefix, epoch: epoch ?? image.epoch },
      statements: statements.map(({ file, bytes }) => ({
        path: prefix + attestationPrefix + (isShared ? withPlatform(file, platform) : file),
        bytes,
      })),
    })
  }
  return sets
}

/** Throws `OUTPUT_INVALID` if the image itself has a file where a statement goes. */
export function refuseOwnFile({ prefix, statements }: FileSet, { flat }: ImageFiles): void {
  const taken = statements.find(({ path }) => flat.root.children.has(path.slice(prefix.length)))
  if (taken !== undefined)
    throw new TareError('OUTPUT_INVALID', `the image has a file ${taken.path}, where a statement about it would go`, {
      remedy: 'Set attestation-prefix.',
    })
}

/** `provenance.json` of one platform of several: `provenance.linux_amd64.json`. */
function withPlatform(file: string, platform: string): string {
  const dot = file.lastIndexOf('.')
  return dot < 1 ? `${file}.${platform}` : `${file.slice(0, dot)}.${platform}${file.slice(dot)}`
}
