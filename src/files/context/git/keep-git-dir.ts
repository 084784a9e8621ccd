import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { withoutCredentials } from '../../../support/index.ts'

/**
 * Cleans the .git of a checkout for an image: no passwords, no file times and inode numbers of this machine, no traces of
 * fetching. `git` runs git in a folder.
 */
export async function keepGitDirs(
  folder: string,
  remote: string,
  git: (args: readonly string[], at: string) => Promise<unknown>,
): Promise<void> {
  const secret = withoutCredentials(remote) !== remote
  for (const path of walk(folder)) {
    if (!/(?:^|\/)\.git(?:$|\/)/.test(path)) continue
    const name = path.slice(path.lastIndexOf('/') + 1)
    const full = join(folder, path)
    if (name === 'config' && secret)
      writeFileSync(full, readFileSync(full, 'utf8').replace(/^(\s*url = ).*$/gm, cleanUrl))
    if (name === 'FETCH_HEAD' || name === 'ORIG_HEAD') rmSync(full)
    // Writes an index without stat data.
    if (name === '.git') await git(['read-tree', 'HEAD'], dirname(full))
  }
}

function cleanUrl(line: string, start: string): string {
  const url = line.slice(start.length)
  return start + (withoutCredentials(url) === url ? url : url.replace(/\/\/[^/]*@/, '//'))
}

/** Yields paths below the folder, but does not descend into `objects`. */
function* walk(folder: string, prefix = ''): Generator<string> {
  for (const entry of readdirSync(join(folder, prefix), { withFileTypes: true })) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    yield path
    const isThere = entry.isDirectory() && statSync(join(folder, path), { throwIfNoEntry: false }) !== undefined
    if (isThere && entry.name !== 'objects') yield* walk(folder, path)
  }
}
