import { lstatSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import type { CopyOutOptions, CopyOutResult } from '../../api/index.ts'
import { type NamedNodes, openContents, refused, tarOf, writeFiles } from '../../images/contents/index.ts'
import type { Host } from '../../images/index.ts'
import { FlatFilesystem, type FlatNode, findFile } from '../../inspection/index.ts'
import { messageOf, systemCode, systemPath, TareError } from '../../support/index.ts'

/** Copies a file or a directory out of an image, which is not run for that. */
export async function copyOut(host: Host, options: CopyOutOptions): Promise<CopyOutResult> {
  const { path, to, followLink = false, archive = false, signal } = options
  const image = await openContents(host, options.image, { ...options, contents: true })
  try {
    const flat = FlatFilesystem.of(image.layers)
    // What ends in a slash is a directory, also behind a link.
    const follow = followLink || /\/\.?$/.test(path)
    const { node, path: found } = findFile(image, flat, path, { follow })
    const source: Source = { node, name: basename(found), isContents: /(?:^|\/)\.$/.test(path) || found === '' }
    if ('path' in to) {
      refuseDevice(image.name, flat, node, found)
      return await writeFiles(image, flat, named(flat, source, destination(to.path, source)), { archive, signal })
    }
    let size = 0
    for await (const chunk of tarOf(image, flat, named(flat, source, source.isContents ? '' : source.name))) {
      size += chunk.length
      await to.write(chunk)
    }
    return { size, files: 0, skipped: [] }
  } finally {
    await image.close()
  }
}

/** A device or a pipe among other files is skipped; one that is asked for would be nothing done. */
function refuseDevice(image: string, flat: FlatFilesystem, node: FlatNode, path: string): void {
  if (typeof node === 'object') return
  const kind = flat.kindOf(node)
  if (kind !== 'file' && kind !== 'symlink')
    throw new TareError('FILE_NOT_REGULAR', `/${path} in ${image} is a device or a pipe, which is not created`, {
      remedy: 'Write a tar instead: `tare cp IMAGE:PATH -`.',
    })
}

interface Source {
  readonly node: FlatNode
  readonly name: string
  /** Not the directory, but what is in it. */
  readonly isContents: boolean
}

/** The files of the source under the names that they are to have. */
function* named(flat: FlatFilesystem, { node }: Source, root: string): NamedNodes {
  if (root !== '') yield [root, node]
  if (typeof node === 'object') yield* flat.walk(node, root === '' || root.endsWith(sep) ? root : `${root}${sep}`)
}

function destination(to: string, source: Source): string {
  try {
    return destinationOf(to, source)
  } catch (error) {
    throw systemCode(error) === undefined ? error : refused(to, messageOf(error), undefined, error)
  }
}

/** Where the source itself is to be, by the rules of `docker cp`. Only what the user has written is followed through links. */
function destinationOf(to: string, { node, name, isContents }: Source): string {
  const isDirectory = typeof node === 'object'
  const there = statSync(systemPath(to), { throwIfNoEntry: false })
  if (there?.isDirectory() === true) {
    const real = realpathSync(systemPath(to), 'utf8')
    return isContents ? real : join(real, name)
  }
  if (there !== undefined) {
    if (isDirectory) throw refused(to, 'it is a file, and a directory is to be copied')
    if (to.endsWith('/')) throw refused(to, 'it is not a directory')
    return realpathSync(systemPath(to), 'utf8')
  }
  if (lstatSync(systemPath(to), { throwIfNoEntry: false }) !== undefined)
    throw refused(to, 'it is a symbolic link to what does not exist')
  const parent = dirname(to)
  if (statSync(systemPath(parent), { throwIfNoEntry: false })?.isDirectory() !== true)
    throw refused(to, `there is no directory ${parent}`, 'Make it first.')
  if (!isDirectory && to.endsWith('/')) throw refused(to, 'there is no such directory', 'Make it first.')
  return join(realpathSync(systemPath(parent), 'utf8'), basename(to))
}
