import type { IndexResult } from '../../api/index.ts'
import type { Registry } from '../../content/registry/index.ts'
import { formatReference, type Reference } from '../../oci/index.ts'
import { flow, sha256 } from '../../support/index.ts'

/** Uploads an index under its name, or only returns what it would be. */
export async function putIndex(
  registry: Registry,
  name: Reference,
  bytes: Buffer,
  mediaType: string,
  dryRun: boolean,
): Promise<IndexResult> {
  const blob = { mediaType, digest: sha256(bytes), size: bytes.length }
  if (!dryRun) {
    await registry.put(blob, async () => flow(bytes))
    await registry.tag(name, blob)
  }
  return { fullName: formatReference(name), ...blob, json: bytes.toString('utf8') }
}
