import type { GitAddress } from '../../dockerfile/index.ts'
import { type CheckedOut, checkOut, Git, type Resolved, resolveGit } from '../../files/context/index.ts'
import type { Host } from '../../images/index.ts'
import { type Step, sha256, withoutCredentials } from '../../support/index.ts'
import type { RemoteFiles } from '../solve/index.ts'
import type { Materials } from './materials.ts'

export interface GitAccess {
  readonly signal: AbortSignal
  /** Returns a secret's bytes by id. */
  readonly secret: (id: string) => Uint8Array | undefined
  /** Returns the socket of the build's SSH agent. */
  readonly agent: () => Promise<string | undefined>
  /** Is told of each commit. */
  readonly materials: Materials
}

/** The git commits a build takes files from. Each is resolved and fetched once; `close` removes them. */
export class GitSources {
  private readonly host: Host
  private readonly access: GitAccess
  private readonly resolved = new Map<string, Promise<Resolved>>()
  private readonly checkouts = new Map<string, Promise<CheckedOut>>()
  private readonly folders: string[] = []

  constructor(host: Host, access: GitAccess) {
    this.host = host
    this.access = access
  }

  /** Resolves an address. Its files and their commit time are fetched when requested. */
  async find(
    source: GitAddress,
    step: Step,
    context?: string,
  ): Promise<RemoteFiles & { readonly committed: (step: Step) => Promise<number> }> {
    const { remote, ref, commit, subdir, keepGitDir, submodules, times } = source
    const resolved = await once(this.resolved, JSON.stringify([remote, ref, commit]), async () =>
      resolveGit(await this.git(source, step), source),
    )
    this.access.materials.addCommit(source, resolved.commit, context)
    step.output('stderr', `${resolved.commit}${resolved.name === undefined ? '' : `\t${resolved.name}`}\n`)
    // A kept .git contains the address and the names of refs.
    const kept = keepGitDir === true ? [withoutCredentials(remote), resolved.name, resolved.tag] : undefined
    // Submodule URLs may be relative to the repository's.
    const neighbours = submodules ? sha256(remote) : ''
    const identity = JSON.stringify(['git', resolved.commit, subdir ?? '', neighbours, times, kept ?? ''])
    const checkedOut = (own: Step) => once(this.checkouts, identity, () => this.checkOut(source, resolved, own))
    return {
      identity,
      timesCount: times === 'commit',
      fetch: async (own) => (await checkedOut(own)).tree,
      committed: async (own) => (await checkedOut(own)).committed,
    }
  }

  /** Must be called when the files are no longer read. */
  close(discard: (path: string) => void): void {
    for (const folder of this.folders) discard(folder)
  }

  private async checkOut(source: GitAddress, resolved: Resolved, step: Step): Promise<CheckedOut> {
    const { store } = this.host
    const folder = store.reserve().path
    this.folders.push(folder)
    try {
      const git = await this.git(source, step)
      return await checkOut(git, source, resolved, { folder, now: Math.floor(this.host.now().getTime() / 1000) })
    } catch (error) {
      throw store.explain(error)
    }
  }

  private async git({ remote }: GitAddress, step: Step): Promise<Git> {
    const { signal } = this.access
    const agent = await this.access.agent()
    const { environment } = this.host
    return Git.open({
      environment: agent === undefined ? environment : { ...environment, SSH_AUTH_SOCK: agent },
      settings: this.authorization(remote),
      signal,
      hear: linesTo(step),
    })
  }

  /** Returns GIT_AUTH_TOKEN and GIT_AUTH_HEADER, or those for one host, as BuildKit reads them. (docs/build/building/secrets) */
  private authorization(remote: string): readonly (readonly [string, string])[] {
    if (!/^https?:/i.test(remote) || !URL.canParse(remote)) return []
    const { origin, host } = new URL(remote)
    const text = (name: string) => {
      const bytes = this.access.secret(`${name}.${host}`) ?? this.access.secret(name)
      return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8').trim()
    }
    const token = text('GIT_AUTH_TOKEN')
    const header =
      text('GIT_AUTH_HEADER') ??
      (token === undefined ? undefined : `basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`)
    return header === undefined ? [] : [[`http.${origin}/.extraHeader`, `Authorization: ${header}`]]
  }
}

/** Reports git's output line by line; of a line that is rewritten, only the final state. */
function linesTo(step: Step): (text: string) => void {
  let rest = ''
  return (text) => {
    const lines = (rest + text).split(/\r*\n/)
    rest = lines.pop()!
    for (const line of lines) {
      // A server may send anything, and it ends up on a terminal.
      const last = line
        .slice(line.lastIndexOf('\r') + 1)
        .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
        .trimEnd()
      if (last !== '') step.output('stderr', `${withoutCredentials(last)}\n`)
    }
  }
}

/** Returns the value for a key, made or being made. Failures are not cached. */
function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = made.get(key)
  if (known !== undefined) return known
  const promise = make()
  made.set(key, promise)
  promise.catch(() => made.delete(key))
  return promise
}
