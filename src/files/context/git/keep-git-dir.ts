import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { withoutCredentials } from '../../../support/index.ts'

/**
 * Makes the .git of a checkout fit for an image: no passwords, no times and numbers of this machine's files, no traces of
 * the fetching. `git` runs git in a folder.
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
    // The index as it is without a look at the files.
    if (name === '.git') await git(['read-tree', 'HEAD'], dirname(full))
  }
}

function cleanUrl(line: string, start: string): string {
  const url = line.slice(start.length)
  return start + (withoutCredentials(url) === url ? url : url.replace(/\/\/[^/]*@/, '//'))
}

/** Paths below the folder, but not into what is below `objects`. */
function* walk(folder: string, prefix = ''): Generator<string> {
  for (const entry of readdirSync(join(folder, prefix), { withFileTypes: true })) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    yield path
    const isThere = entry.isDirectory() && statSync(join(folder, path), { throwIfNoEntry: false }) !== undefined
    if (isThere && entry.name !== 'objects') yield* walk(folder, path)
  }
}
