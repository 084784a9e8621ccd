import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Descriptor,
  type Digest,
  descriptorJson,
  type ImageIndex,
  type IndexEntry,
  isIndexType,
  type Manifest,
  mediaTypes,
  openIndex,
  parseDescriptor,
  parseIndex,
  parseManifest,
  writeIndex,
} from '../../oci/index.ts'
import { sha256, TareError, WritersPace } from '../../support/index.ts'
import type { Connection } from './connection.ts'
import { putManifest } from './manifests.ts'
import { fetchReferrersTag, hasReferrersApi, referrersTag } from './referrers.ts'

/**
 * A manifest's subject, and the manifest's entry in the list of that subject's referrers. (distribution-spec, "Pushing Manifests
 * with Subject")
 */
export interface Referral {
  readonly subject: Digest
  readonly referrer: Descriptor
}

/** Returns undefined if the manifest has no subject, or cannot be read. */
export function referralOf({ mediaType, digest, size }: Descriptor, bytes: Buffer): Referral | undefined {
  const document = tryParse(mediaType, bytes)
  if (document?.subject === undefined) return undefined
  const { subject, annotations, artifactType } = document
  const type = artifactType ?? ('config' in document ? document.config.mediaType : '')
  const referrer = { mediaType, digest, size, ...(type && { artifactType: type }), ...(annotations && { annotations }) }
  return { subject: subject.digest, referrer }
}

function tryParse(mediaType: string, bytes: Buffer): Manifest | ImageIndex | undefined {
  try {
    return isIndexType(mediaType) ? parseIndex(bytes, '') : parseManifest(bytes, '')
  } catch (error) {
    if (error instanceof TareError) return undefined
    throw error
  }
}

// Others may write the list at the same time, and the last writer wins.
const mostTries = 12
const mostRefusals = 3
/** In milliseconds. */
const shortestWait = 20

/** Adds a manifest to the list of its subject's referrers, for a registry that does not maintain such lists itself. */
export async function addReferrer(connection: Connection, repository: string, referral: Referral): Promise<void> {
  const { referrer, subject } = referral
  if (await hasReferrersApi(connection, repository, subject)) return
  const json = descriptorJson(referrer)
  await change(connection, repository, subject, (entries) => {
    const isThere = entries.some(({ blob }) => blob.digest === referrer.digest)
    return isThere ? entries : [...entries, { json, blob: parseDescriptor(json, 'the referrer') }]
  })
}

/** Removes a deleted manifest from the list. */
export async function removeReferrer(connection: Connection, repository: string, referral: Referral): Promise<void> {
  const { referrer, subject } = referral
  if (await hasReferrersApi(connection, repository, subject)) return
  await change(connection, repository, subject, (entries) => {
    const rest = entries.filter(({ blob }) => blob.digest !== referrer.digest)
    return rest.length === entries.length ? entries : rest
  })
}

async function change(
  connection: Connection,
  repository: string,
  subject: Digest,
  edit: (entries: readonly IndexEntry[]) => readonly IndexEntry[],
): Promise<void> {
  const tag = referrersTag(subject)
  const what = `the list of what refers to ${subject}`
  const pace = new WritersPace(shortestWait)
  let refusals = 0
  let isPut = false
  for (let tries = 0; tries < mostTries; tries++) {
    pace.begin()
    const found = await fetchReferrersTag(connection, repository, subject, 'pull,push')
    // A registry that returns the subject itself under this tag cannot show the list.
    if (found === undefined && isPut) return
    const old = found === undefined ? undefined : openList(found.bytes, tag, repository)
    const entries = edit(old?.entries ?? [])
    if (entries === old?.entries || (old === undefined && entries.length === 0)) return
    const bytes = writeIndex({ document: old?.document ?? {}, mediaType: mediaTypes.index, entries })
    const blob = { mediaType: mediaTypes.index, digest: sha256(bytes), size: bytes.length }
    try {
      await putManifest(connection, repository, tag, blob, bytes)
      isPut = true
    } catch (error) {
      // Some registries do not find what another writer has just put.
      const isPassing = error instanceof TareError && /\bMANIFEST_BLOB_UNKNOWN\b/.test(error.message)
      if (!isPassing || ++refusals > mostRefusals) throw error
    }
    await sleep(pace.written() + (tries === 0 ? 0 : pace.spread()))
  }
  throw new TareError(
    'REGISTRY_INVALID',
    `${what} in ${connection.host}/${repository} keeps changing after being written`,
    {
      remedy: 'Others may be updating it: try again.',
    },
  )
}

function openList(bytes: Buffer, tag: string, repository: string) {
  try {
    return openIndex(bytes, tag)
  } catch (cause) {
    throw new TareError(
      'REGISTRY_INVALID',
      `the tag ${tag} of ${repository}, which should be the list of referrers, is something else`,
      {
        cause,
        remedy: 'Tag that differently, and push again.',
      },
    )
  }
}
