/** The types of `--output`. */
export const outputTypes = ['image', 'registry', 'docker', 'oci', 'tar', 'local', 'cacheonly'] as const
export type OutputType = (typeof outputTypes)[number]

/** What becomes of a key: `ignored` is accepted without effect. */
export type KeyStatus = 'done' | 'ignored' | 'refused'

export interface OutputKey {
  readonly done: readonly OutputType[]
  readonly ignored?: readonly OutputType[]
  /** Why the other types refuse it; by default, because it means nothing to them. */
  readonly why?: string
}

const images = ['image', 'registry', 'docker', 'oci'] as const
const stored = ['image', 'registry'] as const
const archives = ['docker', 'oci'] as const
const files = ['tar', 'local'] as const
const noDaemon = 'there is no daemon, and so no context of docker’s'
const noStatements = 'it has no index in which statements could be'
const ociOnly = 'only index.json of the type oci has such a descriptor'

/** Every key of `--output`, with the types that know it. docs/outputs.md shows the same table. */
export const outputKeys: Readonly<Record<string, OutputKey>> = {
  name: { done: images },
  dest: { done: [...archives, ...files] },
  push: { done: stored },
  'push-by-digest': { done: stored },
  'name-canonical': { done: stored },
  'dangling-name-prefix': { done: stored },
  store: { done: stored },
  unpack: { done: stored },
  'registry.insecure': { done: stored },
  compression: { done: images },
  'compression-level': { done: images },
  'force-compression': { done: stored, ignored: archives },
  'oci-mediatypes': { done: images },
  'oci-artifact': { done: [...stored, 'oci'] },
  'prefer-nondist-layers': { done: [], ignored: images },
  'rewrite-timestamp': { done: images },
  'source-date-epoch': { done: [...images, ...files] },
  tar: { done: archives },
  'platform-split': { done: files },
  mode: { done: ['local'] },
  context: { done: [], why: noDaemon },
  'attestation-inline': { done: [...stored, 'oci'], why: noStatements },
  'attestation-prefix': { done: files },
  'annotation.': { done: images },
  'annotation-manifest.': { done: images },
  'annotation-index.': { done: [...stored, 'oci'], why: 'it has no index' },
  'annotation-manifest-descriptor.': { done: images },
  'annotation-index-descriptor.': { done: ['oci'], why: ociOnly },
}

/** Returns the table's name of a key: `annotation.` for `annotation[linux/amd64].K`. */
export function nameOfKey(key: string): string {
  return /^(annotation(?:-[a-z-]+)?)(?:\[[^\]]*\])?\.\S/.exec(key)?.[1]?.concat('.') ?? key
}

export function statusOf({ done, ignored = [] }: OutputKey, type: OutputType): KeyStatus {
  return done.includes(type) ? 'done' : ignored.includes(type) ? 'ignored' : 'refused'
}
