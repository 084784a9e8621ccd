import { readTar } from '../../../files/tar/index.ts'
import type { Machine } from '../machine/index.ts'
import { findProgram, readProgram } from '../machine/index.ts'
import type { WalkedFile } from './walk.ts'

/**
 * Returns the `security.capability` attributes of programs below the folder, by path. Node cannot read attributes, so this uses
 * getfattr, or GNU tar, which RUN needs anyway.
 */
export async function readCapabilities(
  found: WalkedFile,
  folder: string,
  machine: Machine,
  /** Only files changed since then, in milliseconds since 1970. */
  since = 0,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const programs = [...programsBelow(found, '', since)]
  if (programs.length === 0) return new Map()
  const list = Buffer.from(programs.map((path) => `./${path}\0`).join(''), 'latin1')
  const tar = findProgram('tar') ?? 'tar'
  const entries = readProgram(
    [
      ...machine.enter([]),
      ...[tar, '--no-unquote', '--create', '--file', '-', '--directory', folder, '--format=posix', '--no-recursion'],
      ...['--xattrs', '--xattrs-include=security.capability', '--null', '--files-from=-'],
    ],
    list,
  )
  const capabilities = new Map<string, Uint8Array>()
  for await (const { path, xattrs } of readTar(entries)) {
    const value = xattrs?.get('security.capability')
    if (value !== undefined) capabilities.set(path.replace(/^\.\//, ''), value)
  }
  return capabilities
}

function* programsBelow(found: WalkedFile, path: string, since: number): Generator<string> {
  for (const child of found.children ?? []) {
    const name = path + child.name
    if (child.kind === 'directory') yield* programsBelow(child, `${name}/`, since)
    else if (child.kind === 'file' && child.changed >= since && (child.mode & 0o111) !== 0 && child.size > 0) yield name
  }
}
