import { formatPlatform, type Platform } from '../../oci/index.ts'
import { hidden } from './hidden.ts'

/** Something that a build took from outside. */
export interface Material {
  /** A package URL, or an address. */
  readonly uri: string
  /** By algorithm: `sha256`, or `sha1` for a commit. */
  readonly digest: Readonly<Record<string, string>>
}

/** What a build knows of itself. */
export interface ProvenanceFacts {
  readonly mode: 'min' | 'max'
  readonly builderId: string
  readonly toolVersion: string
  readonly reproducible: boolean
  readonly platform: Platform
  readonly buildPlatform: Platform
  /** The build's own context if it came from elsewhere. */
  readonly context: Material | undefined
  readonly dockerfile: { readonly name: string; readonly text: string }
  readonly target: string | undefined
  readonly buildArgs: ReadonlyMap<string, string>
  readonly labels: Readonly<Record<string, string>>
  readonly secrets: readonly string[]
  readonly ssh: readonly string[]
  readonly materials: readonly Material[]
  /** Which step made which layer, lowest first; not those of the base. */
  readonly layers: readonly { readonly diffId: string; readonly step: string; readonly line?: number | undefined }[]
  /** When the build started and ended (RFC 3339); none if the image has a time of its own choosing. */
  readonly started?: string | undefined
  readonly finished?: string | undefined
  /** Texts that must not appear. */
  readonly secretTexts: readonly string[]
}

// docs/attestations.md describes the parameters of the predicate.
const buildType = 'https://tare.dev/attestations/dockerfile/v1'

/** Returns the predicate of https://slsa.dev/provenance/v1. Credentials in addresses, and values of secrets, are masked. */
export function provenanceOf(facts: ProvenanceFacts): object {
  const { builderId, toolVersion, started, finished, reproducible } = facts
  const predicate = {
    buildDefinition: {
      buildType,
      externalParameters: {
        configSource: { ...facts.context, path: facts.dockerfile.name },
        request: requestOf(facts),
      },
      internalParameters: { builderPlatform: formatPlatform(facts.buildPlatform) },
      resolvedDependencies: facts.materials,
    },
    runDetails: {
      builder: { id: builderId, version: { tare: toolVersion } },
      metadata: {
        ...(started === undefined ? {} : { startedOn: started }),
        ...(finished === undefined ? {} : { finishedOn: finished }),
        tare_reproducible: reproducible,
        ...(facts.mode === 'min' ? {} : { tare_source: facts.dockerfile, tare_layers: facts.layers }),
      },
    },
  }
  return hidden(predicate, facts.secretTexts)
}

function requestOf({ mode, platform, target, buildArgs, labels, secrets, ssh }: ProvenanceFacts): object {
  const args = {
    platform: formatPlatform(platform),
    ...(target === undefined || target === '' ? {} : { target }),
    ...(mode === 'min'
      ? {}
      : prefixed(
          'build-arg:',
          [...buildArgs].filter(([name]) => !isProxy(name)),
        )),
    ...(mode === 'min' ? {} : prefixed('label:', Object.entries(labels))),
  }
  return {
    frontend: 'dockerfile.v0',
    args,
    ...(mode === 'min' || secrets.length === 0 ? {} : { secrets: secrets.map((id) => ({ id })) }),
    ...(mode === 'min' || ssh.length === 0 ? {} : { ssh: ssh.map((id) => ({ id })) }),
  }
}

/** They say how this machine reaches the network, not what is built. */
function isProxy(name: string): boolean {
  return /^(?:https?|ftp|no|all)_proxy$/i.test(name)
}

function prefixed(prefix: string, pairs: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(pairs.map(([name, value]) => [prefix + name, value]))
}
