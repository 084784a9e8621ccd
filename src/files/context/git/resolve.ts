import { TareError, withoutCredentials } from '../../../support/index.ts'
import { explainGit } from './explain.ts'
import type { Git } from './run-git.ts'
import type { GitSource } from './types.ts'

/** What a branch or tag stands for at this moment. */
export interface Resolved {
  readonly commit: string
  /** The whole name of the ref; undefined where a commit was asked for. */
  readonly name?: string
  /** The object of an annotated tag. */
  readonly tag?: string
}

/**
 * Asks the repository which commit is meant; a whole commit is not asked for. Rejects with `GIT_REF_MISSING`,
 * `CHECKSUM_MISMATCH`, `GIT_DENIED`, `GIT_REPOSITORY_MISSING`, `GIT_FAILED`.
 */
export async function resolveGit(git: Git, source: GitSource): Promise<Resolved> {
  const { ref = 'HEAD', remote } = source
  const resolved = isCommit(ref) ? { commit: ref.toLowerCase() } : await ask(git, remote, ref)
  checkCommit(source, resolved)
  return resolved
}

/** Throws `CHECKSUM_MISMATCH` where neither the commit nor its tag begins as the source says. */
export function checkCommit({ commit: wanted, ref, remote }: GitSource, { commit, tag }: Resolved): void {
  if (wanted === undefined || commit.startsWith(wanted) || tag?.startsWith(wanted) === true) return
  throw new TareError(
    'CHECKSUM_MISMATCH',
    `${ref ?? 'HEAD'} of ${withoutCredentials(remote)} is commit ${commit}, not ${wanted}`,
    { remedy: 'The branch or tag has moved. If you trust the new commit, use it as --checksum.' },
  )
}

async function ask(git: Git, remote: string, ref: string): Promise<Resolved> {
  const shown = withoutCredentials(remote)
  const { code, stdout, stderr } = await git.run(['ls-remote', '--symref', '--', remote, ref, `${ref}^{}`])
  if (code !== 0) throw explainGit(`read ${shown}`, remote, stderr)
  const refs = new Map<string, string>()
  for (const [, object, name] of stdout.matchAll(/^([0-9a-f]{40,64})\t(.+)$/gm)) refs.set(name!, object!)
  // As git itself would: a branch before a tag of the same name.
  const names =
    ref === 'HEAD' || ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`, `refs/${ref}`]
  const name = names.find((name) => refs.has(name))
  if (name === undefined)
    throw new TareError('GIT_REF_MISSING', `${shown} has no ${ref === 'HEAD' ? 'default branch' : ref}`, {
      remedy: /^[0-9a-f]{4,39}$/i.test(ref)
        ? 'A commit has to be written whole, with all its 40 digits.'
        : `Name a branch or tag; \`git ls-remote ${shown}\` lists them.`,
    })
  const object = refs.get(name)!
  // Of HEAD, the branch.
  const branch = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(stdout)?.[1]
  if (name === 'HEAD') return branch === undefined ? { commit: object } : { commit: object, name: branch }
  const peeled = refs.get(`${name}^{}`)
  return peeled === undefined ? { commit: object, name } : { commit: peeled, tag: object, name }
}

function isCommit(ref: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(ref)
}
