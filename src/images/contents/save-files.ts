import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { makeFolder } from '../../disk/index.ts'
import type { Node } from '../../files/tree/index.ts'
import { encodeName, messageOf, systemCode, systemPath, TareError } from '../../support/index.ts'
import type { OpenedContents } from './types.ts'
import { refused } from './write-files.ts'

const emptyFolder = 'Name a folder that does not exist yet, or an empty one.'

/**
 * Makes the folder; one that is there has to be empty. Resolves to what undoes that, with all that was put into it. Rejects with
 * `DESTINATION_INVALID`.
 */
export async function makeEmptyFolder(folder: string): Promise<() => Promise<void>> {
  try {
    const made = makeFolder(folder, 0o777)
    if ((await readdir(folder)).length === 0)
      return async () => {
        const all = made === undefined ? (await readdir(folder)).map((name) => join(folder, name)) : [made]
        for (const path of all) await rm(path, { recursive: true, force: true })
      }
  } catch (cause) {
    throw refused(folder, messageOf(cause), emptyFolder, cause)
  }
  throw refused(folder, 'it is not empty', emptyFolder)
}

/**
 * Writes files and symbolic links of an image to an initially empty folder; nothing else, and without owners, modes and times.
 * Links come last, and existing names are never reused: so nothing is written through a link, whatever the image contains.
 */
export async function saveFiles(
  image: Pick<OpenedContents, 'read'>,
  files: readonly (readonly [path: string, node: Node | undefined])[],
  folder: string,
): Promise<void> {
  const links: (() => Promise<void>)[] = []
  for (const [path, node] of files) {
    // Normalized paths contain no `..`; one would be dangerous here.
    if (path.split('/').some((part) => part === '..' || part === '.' || part === '')) continue
    const at = systemPath(join(folder, path))
    const parent = systemPath(dirname(join(folder, path)))
    try {
      if (node?.kind === 'file') {
        await mkdir(parent, { recursive: true })
        await pipeline(Readable.from(image.read(node)), createWriteStream(at, { flags: 'wx' }))
      } else if (node?.kind === 'symlink') {
        await mkdir(parent, { recursive: true })
        links.push(() => symlink(encodeName(node.target), at))
      }
    } catch (cause) {
      if (cause instanceof TareError || systemCode(cause) === undefined) throw cause
      throw refused(folder, messageOf(cause), emptyFolder, cause)
    }
  }
  for (const link of links)
    await link().catch((cause) => Promise.reject(refused(folder, messageOf(cause), emptyFolder, cause)))
}
