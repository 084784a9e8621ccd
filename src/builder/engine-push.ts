import type { BuildOptions } from '../api/index.ts'
import { repositoryOf } from '../images/index.ts'
import { formatReference, type Reference } from '../oci/index.ts'
import type { ResolvedOutput } from './outputs/index.ts'
import type { WantedStatements } from './wanted-statements.ts'

export interface PushFacts {
  readonly outputs: readonly ResolvedOutput[]
  readonly needles: readonly unknown[]
  readonly statements: WantedStatements
}

/** Where an engine can push an image itself. */
export interface PushPlan {
  /** With their registries. */
  readonly repositories: readonly string[]
  /** A name in each of them, in the same order: `registry.example/app:1`. */
  readonly names: readonly string[]
  /** Why a docker daemon without the containerd image store cannot. */
  readonly notByDaemon: string | undefined
  readonly insecure: boolean
  /** Why the layers have to come here all the same. */
  readonly reason: string | undefined
}

/** Returns what an engine could push of a build; undefined if nothing is pushed. */
export function pushPlan(options: BuildOptions, { outputs, needles, statements }: PushFacts): PushPlan | undefined {
  const { load, squash, squashFrom } = options
  const pushes = outputs.filter(({ output }) => output.kind === 'image' && output.push === true)
  if (pushes.length === 0) return undefined
  const forms = pushes.flatMap(({ output }) => (output.kind === 'image' ? [output] : []))
  const isRewritten = ({ compression, compressionLevel, forceCompression, format }: (typeof forms)[number]) =>
    (compression !== undefined && compression !== 'gzip') ||
    compressionLevel !== undefined ||
    forceCompression === true ||
    format === 'docker'
  const reason =
    pushes.length < outputs.length || load === true || forms.some(({ unpack }) => unpack === true)
      ? 'the image goes elsewhere as well'
      : forms.some(isRewritten)
        ? 'its layers are compressed otherwise'
        : needles.length > 0
          ? 'it is searched for secrets'
          : statements.provenance !== undefined || statements.sbom !== undefined
            ? 'statements are made about it'
            : squash === true || squashFrom !== undefined
              ? 'it is squashed'
              : undefined
  const names = new Map<string, Reference>()
  for (const name of pushes.flatMap(({ names }) => names))
    if (!names.has(repositoryOf(name))) names.set(repositoryOf(name), name)
  return {
    repositories: [...names.keys()],
    names: [...names.values()].map(formatReference),
    notByDaemon:
      (options.platforms ?? []).length > 1
        ? 'cannot push an image of several platforms'
        : forms.some(({ byDigest }) => byDigest === true)
          ? 'cannot push by digest'
          : undefined,
    insecure: forms.some(({ insecure }) => insecure === true),
    reason,
  }
}
