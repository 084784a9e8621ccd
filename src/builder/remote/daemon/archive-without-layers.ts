import { encodeHeader, endOfArchive, padding } from '../../../files/tar/index.ts'
import { hexOf } from '../../../oci/index.ts'
import { sha256 } from '../../../support/index.ts'

/**
 * Returns an archive for `docker load` with a config under a name, and with none of its layers: for a daemon that has them. One that has not
 * rejects it.
 */
export function archiveWithoutLayers(config: Uint8Array, layers: number, tag: string): Buffer {
  const name = `${hexOf(sha256(config))}.json`
  const paths = Array.from({ length: layers }, (_, i) => `not-sent-${i}/layer.tar`)
  const manifest = Buffer.from(JSON.stringify([{ Config: name, RepoTags: [tag], Layers: paths }]))
  return Buffer.concat([...member(name, config), ...member('manifest.json', manifest), endOfArchive])
}

function member(path: string, bytes: Uint8Array): readonly Uint8Array[] {
  const facts = { kind: 'file' as const, mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 }
  return [encodeHeader({ path, size: bytes.length, ...facts }), bytes, Buffer.alloc(padding(bytes.length))]
}
