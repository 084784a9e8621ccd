import type { FilesForm } from '../../api/index.ts'
import { formatPlatform, type Reference } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'
import { manifestSubjects } from './attest-output.ts'
import { ImageFiles } from './image-files.ts'
import type { AttestationStatement, BuiltImage, OutputWork } from './types.ts'

/** The files of one platform, and where in the output they go. */
export interface FileSet {
  readonly image: BuiltImage
  /** '' or `linux_arm64/`. */
  readonly prefix: string
  readonly epoch: number | undefined
  /** What is stated about the image. */
  readonly statements: readonly { readonly path: string; readonly bytes: Buffer }[]
}

/**
 * Returns what a files output holds: a folder for each platform, or all in one. Rejects with `OUTPUT_INVALID` if the image itself has
 * a file where a statement goes.
 */
export async function fileSets(
  work: OutputWork,
  names: readonly Reference[],
  { platformSplit, epoch, attestationPrefix = '' }: FilesForm,
): Promise<readonly FileSet[]> {
  const { images } = work
  const split = platformSplit ?? images.length > 1
  const isShared = !split && images.length > 1
  const sets: FileSet[] = []
  for (const image of images) {
    const platform = formatPlatform(image.platform).replaceAll('/', '_')
    const prefix = split ? `${platform}/` : ''
    const nameOf = (file: string) => attestationPrefix + (isShared ? withPlatform(file, platform) : file)
    const statements = await statementsAbout(image, names, nameOf, work)
    sets.push({
      ...{ image, prefix, epoch: epoch ?? image.epoch },
      statements: statements.map(({ file, bytes }) => ({ path: prefix + nameOf(file), bytes })),
    })
  }
  return sets
}

/** Like BuildKit's, these statements are about each file; and about the image that would have the same. */
async function statementsAbout(
  image: BuiltImage,
  names: readonly Reference[],
  nameOf: (file: string) => string,
  work: OutputWork,
): Promise<readonly AttestationStatement[]> {
  const { attester } = work
  if (attester === undefined) return []
  const files = await ImageFiles.open(work, image)
  try {
    const paths = [...files.digests()].map(([name, digest]) => ({ name, digest }))
    const subjects = [...manifestSubjects(image, image.manifest.blob, names), ...paths]
    const statements = await attester.about(image, subjects, false)
    const taken = statements.map(({ file }) => nameOf(file)).find((name) => files.flat.root.children.has(name))
    if (taken === undefined) return statements
    throw new TareError('OUTPUT_INVALID', `the image has a file ${taken}, where a statement about it would go`, {
      remedy: 'Set attestation-prefix.',
    })
  } finally {
    files.close()
  }
}

/** `provenance.json` of one platform of several: `provenance.linux_amd64.json`. */
function withPlatform(file: string, platform: string): string {
  const dot = file.lastIndexOf('.')
  return dot < 1 ? `${file}.${platform}` : `${file.slice(0, dot)}.${platform}${file.slice(dot)}`
}
