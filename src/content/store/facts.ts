import { type Descriptor, type Digest, isDigest, parseDescriptor, plainDescriptor } from '../../oci/index.ts'
import { TareError } from '../../support/index.ts'

/** The manifest or index by which others know an image: the one it was pulled as, or last pushed as. */
export interface PulledAs {
  readonly manifest: Descriptor
  /** The index it was chosen from, or the manifest itself. */
  readonly root: Descriptor
  /** The repository with its registry: `docker.io/library/alpine`. */
  readonly repository?: string | undefined
  /** Compressed layers that have not been verified yet to decompress to what the config says. */
  readonly claims?: readonly Digest[] | undefined
  /** Compressed layers that tare made and can reproduce. */
  readonly ours?: readonly Digest[] | undefined
  /** Set if the image is only part of that index. */
  readonly part?: true | undefined
}

/** What is known about an image besides its bytes. No cache can restore it, so it is stored in the image's entry. */
export interface Facts {
  readonly pulledAs?: PulledAs | undefined
  /** The images it was built on: where to find their layers, which may not be in the store. */
  readonly basedOn?: readonly PulledAs[] | undefined
}

const pulledAsKey = 'dev.tare.pulled-as'
const basedOnKey = 'dev.tare.based-on'
const keys: readonly string[] = [pulledAsKey, basedOnKey]

export function isFact(annotation: string): boolean {
  return keys.includes(annotation)
}

/** Reads the facts from an entry's annotations. Whatever cannot be parsed is ignored. */
export function readFacts(annotations: Readonly<Record<string, string>> = {}): Facts {
  const pulledAs = readPulledAs(annotations[pulledAsKey])
  const basedOn = readList(annotations[basedOnKey])
  return {
    ...(pulledAs === undefined ? {} : { pulledAs }),
    ...(basedOn.length === 0 ? {} : { basedOn }),
  }
}

export function factsAsAnnotations({ pulledAs, basedOn = [] }: Facts): Record<string, string> {
  return {
    ...(pulledAs === undefined ? {} : { [pulledAsKey]: JSON.stringify(pulledAsJson(pulledAs)) }),
    ...(basedOn.length === 0 ? {} : { [basedOnKey]: JSON.stringify(basedOn.map(pulledAsJson)) }),
  }
}

function pulledAsJson({ manifest, root, repository, claims = [], ours = [], part }: PulledAs): object {
  return {
    manifest: plainDescriptor(manifest),
    ...(root.digest === manifest.digest ? {} : { root: plainDescriptor(root) }),
    ...(repository === undefined ? {} : { repository }),
    ...(claims.length === 0 ? {} : { claims }),
    ...(ours.length === 0 ? {} : { ours }),
    ...(part === undefined ? {} : { part }),
  }
}

/** Parses its JSON, including the form earlier versions used. */
export function readPulledAs(text: string | undefined): PulledAs | undefined {
  return pulledAsOf(parsed(text))
}

function readList(text: string | undefined): readonly PulledAs[] {
  const list = parsed(text)
  return Array.isArray(list) ? list.flatMap((raw) => pulledAsOf(raw) ?? []) : []
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

function pulledAsOf(value: unknown): PulledAs | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const raw = value as Record<string, unknown>
  try {
    const manifest = plainDescriptor(parseDescriptor(raw['manifest'], 'the manifest'))
    const repository = raw['repository'] ?? raw['place']
    return {
      manifest,
      root: raw['root'] === undefined ? manifest : plainDescriptor(parseDescriptor(raw['root'], 'the root')),
      ...(typeof repository === 'string' ? { repository } : {}),
      ...digestsOf('claims', raw['claims']),
      ...digestsOf('ours', raw['ours']),
      ...(raw['part'] === true ? { part: true } : {}),
    }
  } catch (error) {
    if (error instanceof TareError) return undefined
    throw error
  }
}

function digestsOf(key: 'claims' | 'ours', value: unknown): { claims?: Digest[]; ours?: Digest[] } {
  return Array.isArray(value) && value.length > 0 ? { [key]: value.filter(isDigest) } : {}
}
