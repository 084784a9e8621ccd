import { TareError, withoutCredentials } from '../../../support/index.ts'
import { explainGit } from './explain.ts'
import type { Git } from './run-git.ts'
import type { GitSource } from './types.ts'

/** What a branch or tag currently points to. */
export interface Resolved {
  readonly commit: string
  /** The full name of the ref; undefined if a commit was requested. */
  readonly name?: string
  /** The object ID of an annotated tag. */
  readonly tag?: string
}

/**
 * Asks the repository for the commit; a full commit hash needs no request. Rejects with `GIT_REF_MISSING`, `CHECKSUM_MISMATCH`,
 * `GIT_DENIED`, `GIT_REPOSITORY_MISSING`, `GIT_FAILED`.
 */
export async function resolveGit(git: Git, source: GitSource): Promise<Resolved> {
  const { ref = 'HEAD', remote } = source
  const resolved = isCommit(ref) ? { commit: ref.toLowerCase() } : await ask(git, remote, ref)
  checkCommit(source, resolved)
  return resolved
}

/** Throws `CHECKSUM_MISMATCH` unless the commit or its tag has the prefix that the source demands. */
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
  // A branch takes precedence over a tag of the same name, as in git.
  const names =
    ref === 'HEAD' || ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`, `refs/${ref}`]
  const name = names.find((name) => refs.has(name))
  if (name === undefined)
    throw new TareError('GIT_REF_MISSING', `${shown} has no ${ref === 'HEAD' ? 'default branch' : ref}`, {
      remedy: /^[0-9a-f]{4,39}$/i.test(ref)
        ? 'A commit must be given in full, with all 40 digits.'
        : `Name a branch or tag; \`git ls-remote ${shown}\` lists them.`,
    })
  const object = refs.get(name)!
  // The branch HEAD points to.
  const branch = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(stdout)?.[1]
  if (name === 'HEAD') return branch === undefined ? { commit: object } : { commit: object, name: branch }
  const peeled = refs.get(`${name}^{}`)
  return peeled === undefined ? { commit: object, name } : { commit: peeled, tag: object, name }
}

function isCommit(ref: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(ref)
}
