import { encodeHeader, endOfArchive, padding, type TarHeader } from '../../files/tar/index.ts'
import type { Descriptor } from '../../oci/index.ts'
import type { Bytes } from '../../support/index.ts'
import type { Member } from './member.ts'

const stageSize = 1 << 20

/**
 * Writes members as a tar. Small pieces are collected into chunks of 1 MiB, larger ones are passed on as they are. A chunk is
 * never modified after it was passed to `write`, which is called again only after it has resolved.
 */
export async function writeMembers(
  members: readonly Member[],
  open: (blob: Descriptor) => Promise<Bytes>,
  write: (chunk: Uint8Array) => Promise<unknown>,
): Promise<void> {
  // One chunk is being written while the next is read and hashed.
  let writing: Promise<unknown> = Promise.resolve()
  const send = async (chunk: Uint8Array) => {
    await writing
    writing = write(chunk)
    // Awaited with the next chunk; until then a failure must not count as unhandled.
    writing.catch(() => {})
  }
  let stage = Buffer.allocUnsafe(stageSize)
  let used = 0
  const flush = async () => {
    if (used === 0) return
    const full = stage.subarray(0, used)
    stage = Buffer.allocUnsafe(stageSize)
    used = 0
    await send(full)
  }
  const add = async (chunk: Uint8Array) => {
    const large = chunk.length > stageSize / 2
    if (large || used + chunk.length > stageSize) await flush()
    if (large) {
      await send(chunk)
      return
    }
    stage.set(chunk, used)
    used += chunk.length
  }
  try {
    for (const member of members) {
      await add(encodeHeader(headerOf(member)))
      if (member.kind === 'bytes') await add(member.bytes)
      if (member.kind === 'blob') for await (const chunk of await open(member.blob)) await add(chunk)
      await add(Buffer.alloc(padding(sizeOf(member))))
    }
    await add(endOfArchive)
    await flush()
    await writing
  } catch (error) {
    await writing.catch(() => {})
    throw error
  }
}

function sizeOf(member: Member): number {
  return member.kind === 'bytes' ? member.bytes.length : member.kind === 'blob' ? member.blob.size : 0
}

function headerOf(member: Member): TarHeader {
  return {
    path: member.path,
    kind: member.kind === 'directory' || member.kind === 'symlink' ? member.kind : 'file',
    mode: member.kind === 'directory' ? 0o755 : member.kind === 'symlink' ? 0o777 : 0o644,
    uid: 0,
    gid: 0,
    size: sizeOf(member),
    mtime: member.mtime,
    mtimeNs: 0,
    ...(member.kind === 'symlink' ? { link: member.link } : {}),
  }
}
