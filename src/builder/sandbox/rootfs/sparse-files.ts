import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { scanTar } from '../../../files/tar/index.ts'
import type { Content } from '../../../files/tree/index.ts'
import type { Machine } from '../machine/index.ts'
import { findProgram, runProgram } from '../machine/index.ts'
import type { WalkedFile } from './walk.ts'

/**
 * Returns the contents of files below the folder that are nearly all holes, by path: such as a lastlog with an entry for a large
 * uid. Reading hundreds of gigabytes of zeros takes minutes and drives everything else out of memory. Node cannot ask the
 * system where holes are; GNU tar can, and writes what is between them to the file `to`.
 */
export async function readSparse(
  found: WalkedFile,
  { folder, to, machine }: { readonly folder: string; readonly to: string; readonly machine: Machine },
): Promise<ReadonlyMap<string, Content>> {
  const files = [...sparseBelow(found, '')]
  const contents = new Map<string, Content>()
  if (files.length === 0) return contents
  const list = Buffer.from(files.map((path) => `./${path}\0`).join(''), 'latin1')
  const argv = [
    ...[
      ...machine.enter([]),
      findProgram('tar') ?? 'tar',
      '--no-unquote',
      '--create',
      '--file',
      '-',
      '--directory',
      folder,
    ],
    ...['--format=posix', '--sparse', '--hole-detection=seek', '--no-recursion', '--null', '--files-from=-'],
  ]
  const script = 'to=$1; shift; exec "$@" >"$to"'
  const { code } = await runProgram(['sh', '-c', script, 'sh', to, ...argv], list)
  // They are then read like all others.
  if (code !== 0) return contents
  const fd = openSync(to, 'r')
  try {
    const read = (into: Uint8Array, position: number) => readSync(fd, into, 0, into.length, position)
    for (const { path, size, kind, runs } of scanTar({ size: statSync(to).size, read }))
      if (kind === 'file' && size > 0)
        contents.set(path.replace(/^\.\//, ''), {
          kind: 'sparse',
          path: to,
          runs: runs.filter(({ length }) => length > 0),
        })
  } finally {
    closeSync(fd)
  }
  return contents
}

function* sparseBelow(found: WalkedFile, path: string): Generator<string> {
  for (const child of found.children ?? []) {
    if (child.kind === 'directory') yield* sparseBelow(child, `${path}${child.name}/`)
    else if (child.sparse === true) yield path + child.name
  }
}
