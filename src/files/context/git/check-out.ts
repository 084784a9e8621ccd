import { existsSync, lstatSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { TareError, withoutCredentials } from '../../../support/index.ts'
import type { Tree } from '../../tree/index.ts'
import { explainGit } from './explain.ts'
import { keepGitDirs } from './keep-git-dir.ts'
import { checkCommit, type Resolved } from './resolve.ts'
import type { Ended, Git } from './run-git.ts'
import { treeOfCheckout } from './tree.ts'
import type { GitSource } from './types.ts'

export interface CheckOutOptions {
  /** A path that does not exist yet. The tree's contents are stored there; the caller removes it, even after a failure. */
  readonly folder: string
  /** Seconds since 1970: the time of all files, unless the source asks for the commit's. */
  readonly now: number
}

/** A commit's files, and its time in seconds since 1970. */
export interface CheckedOut {
  readonly tree: Tree
  readonly committed: number
}

/**
 * Fetches one commit with its submodules and returns its files, owned by root with mode 0644 or 0755 regardless of the umask.
 * Rejects with `GIT_REF_MISSING`, `GIT_SUBDIR_INVALID`, `GIT_PROTOCOL_REFUSED`, and the errors of `resolveGit`.
 */
export async function checkOut(
  git: Git,
  source: GitSource,
  resolved: Resolved,
  { folder, now }: CheckOutOptions,
): Promise<CheckedOut> {
  const work = new CheckOut(git, source, folder)
  await work.fetch(resolved)
  await work.submodules()
  const committed = await work.timeOfCommit()
  const seconds = source.times === 'commit' ? committed : now
  const root = work.root()
  const keep = source.keepGitDir === true && root === folder
  if (keep) await keepGitDirs(folder, source.remote, (args, at) => work.git(args, at))
  else rmSync(join(folder, '.git'), { recursive: true, force: true })
  return { tree: treeOfCheckout(root, { mtime: seconds, mtimeNs: 0, keepGitDir: keep }), committed }
}

class CheckOut {
  private readonly program: Git
  private readonly source: GitSource
  private readonly folder: string
  private readonly action: string

  constructor(program: Git, source: GitSource, folder: string) {
    this.program = program
    this.source = source
    this.folder = folder
    this.action = `fetch ${withoutCredentials(source.remote)}`
  }

  /** Runs git in the checkout. Throws what git reports. */
  async git(args: readonly string[], folder = this.folder): Promise<string> {
    const ended = await this.program.run(args, folder)
    if (ended.code !== 0) throw this.explain(ended)
    return ended.stdout
  }

  async fetch(resolved: Resolved): Promise<void> {
    const { commit, tag, name } = resolved
    const format = commit.length === 64 ? ['--object-format=sha256'] : []
    const made = await this.program.run(['init', '--quiet', ...format, '--', this.folder])
    if (made.code !== 0) throw this.explain(made)
    // Relative submodule URLs are resolved against it.
    await this.git(['config', 'remote.origin.url', this.source.remote])
    await this.fetchObject(tag ?? commit)
    const found = await this.program.run(['rev-parse', '--verify', '--quiet', `${tag ?? commit}^{commit}`], this.folder)
    if (found.code !== 0) throw this.noCommit(commit)
    const real = found.stdout.trim()
    checkCommit(this.source, { commit: real, tag: tag ?? commit })
    await this.git(['checkout', '--quiet', '--force', '--detach', real])
    if (name !== undefined) await this.git(['update-ref', name, tag ?? commit])
  }

  /** Fetches the commit alone, or all branches and tags if the server does not allow that. */
  private async fetchObject(object: string): Promise<void> {
    const fetch = ['fetch', '--quiet', '--no-tags', '--progress']
    const alone = await this.program.run([...fetch, '--depth=1', '--', 'origin', object], this.folder)
    if (alone.code === 0) return
    if (!isUnable(alone)) throw this.explain(alone)
    const all = ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*']
    await this.git([...fetch, '--', 'origin', ...all])
    if ((await this.program.run(['cat-file', '-e', object], this.folder)).code !== 0) throw this.noCommit(object)
  }

  async submodules(): Promise<void> {
    if (!this.source.submodules || !existsSync(join(this.folder, '.gitmodules'))) return
    // `--checkout` overrides the update strategy set by the repository.
    const update = ['submodule', 'update', '--init', '--recursive', '--checkout', '--force', '--progress']
    const shallow = await this.program.run([...update, '--depth=1'], this.folder)
    if (shallow.code === 0) return
    if (!isUnable(shallow)) throw this.explain(shallow, 'the submodules of ')
    const whole = await this.program.run(update, this.folder)
    if (whole.code !== 0) throw this.explain(whole, 'the submodules of ')
  }

  async timeOfCommit(): Promise<number> {
    return Number((await this.git(['show', '--no-patch', '--format=%ct', 'HEAD'])).trim())
  }

  /** Returns the wanted folder. Symlinks on the way are refused: they could lead anywhere. */
  root(): string {
    let path = this.folder
    for (const part of this.source.subdir?.split('/') ?? []) {
      path = join(path, part)
      const stat = lstatSync(path, { throwIfNoEntry: false })
      if (stat?.isDirectory() === true && part.toLowerCase() !== '.git') continue
      const why = stat === undefined ? 'is not there' : stat.isSymbolicLink() ? 'is a symbolic link' : 'is no folder'
      throw new TareError(
        'GIT_SUBDIR_INVALID',
        `${JSON.stringify(this.source.subdir)} is no folder of ${withoutCredentials(this.source.remote)}: ${JSON.stringify(part)} ${why}`,
        { remedy: '# is followed by REF:FOLDER, and FOLDER is relative to the repository’s root.' },
      )
    }
    return path
  }

  private noCommit(commit: string): TareError {
    return new TareError('GIT_REF_MISSING', `${withoutCredentials(this.source.remote)} has no commit ${commit}`, {
      remedy: 'It may be on a deleted branch or in a fork.',
    })
  }

  private explain({ stderr }: Ended, what = ''): unknown {
    return explainGit(this.action.replace('fetch ', `fetch ${what}`), this.source.remote, stderr)
  }
}

/** Whether the server merely does not support fetching a single commit or a shallow history. */
function isUnable({ stderr }: Ended): boolean {
  return /not our ref|unadvertised object|shallow|couldn't find remote ref|did not contain|no such remote ref|direct fetching of that commit failed/i.test(
    stderr,
  )
}
