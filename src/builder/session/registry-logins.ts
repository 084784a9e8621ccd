import type { Delegation, Registry } from '../../content/registry/index.ts'
import type { Host } from '../../images/index.ts'
import { openRepository } from '../../images/transports/index.ts'
import { messageOf, type Reporter, TareError } from '../../support/index.ts'
import { sharedKey } from './secrets.ts'

/** How somebody who builds in our place is let in at a registry. */
export type BuildLogin =
  | { readonly kind: 'token'; readonly identity: string; readonly token: TokenFor }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }

type TokenFor = (scopes: readonly string[]) => Promise<{ readonly text: string; readonly expires: number }>

export interface LoginsCall {
  readonly report: Reporter
  readonly signal: AbortSignal
}

/**
 * The user's logins, for an engine: at registries that the build names, for reading what it reads and writing what it writes.
 * Repositories have their registries' names: `docker.io/library/alpine`.
 */
export class RegistryLogins {
  private readonly host: Host
  private readonly call: LoginsCall
  private readonly read = new Set<string>()
  private readonly written = new Set<string>()
  private readonly opened: Registry[] = []
  private readonly found = new Map<string, Promise<BuildLogin | undefined>>()

  constructor(host: Host, call: LoginsCall) {
    this.host = host
    this.call = call
  }

  mayRead(repository: string): void {
    this.read.add(repository)
  }

  mayWrite(repository: string): void {
    this.written.add(repository)
  }

  /** Returns the login for a host as it is called: Docker Hub's is `registry-1.docker.io`. Undefined where there is none. */
  async find(called: string): Promise<BuildLogin | undefined> {
    const registry = called === 'registry-1.docker.io' ? 'docker.io' : called
    const known = [...this.written, ...this.read].find((repository) => repository.startsWith(`${registry}/`))
    if (known === undefined) return undefined
    const found = this.found.get(registry) ?? this.ask(registry, known.slice(registry.length + 1))
    this.found.set(registry, found)
    return found
  }

  close(): void {
    for (const registry of this.opened) registry.close()
  }

  private async ask(registry: string, repository: string): Promise<BuildLogin | undefined> {
    const { host, call } = this
    const opened = await openRepository(host, { registry, repository }, { signal: call.signal })
    this.opened.push(opened)
    let login: Delegation | undefined
    try {
      login = await opened.delegate()
    } catch (error) {
      call.signal.throwIfAborted()
      // The engine may reach it, and may be let in without.
      this.warn(`the engine gets no login for ${registry}: ${messageOf(error)}`)
      return undefined
    }
    if (login === undefined) return undefined
    if (login.kind === 'password') {
      this.warn(`the engine gets the password for ${registry}, because that registry does not use tokens`)
      return login
    }
    const { user, token } = login
    return {
      kind: 'token',
      identity: sharedKey(host, `login ${registry} ${user}`),
      token: async (scopes) => token(this.within(registry, scopes)),
    }
  }

  /** Returns what the build needs of these rights. Throws if that is nothing. */
  private within(registry: string, scopes: readonly string[]): readonly string[] {
    const allowed = scopes.flatMap((scope) => {
      const [, name, actions = ''] = /^repository:([^:\s]+):([a-z,*]+)$/.exec(scope) ?? []
      const wanted = actions.split(',')
      const may = (action: string) =>
        this.written.has(`${registry}/${name}`) || (action === 'pull' && this.read.has(`${registry}/${name}`))
      const granted = ['pull', 'push'].filter((action) => wanted.includes(action) && may(action))
      return granted.length === 0 ? [] : [`repository:${name}:${granted.join(',')}`]
    })
    if (allowed.length > 0) return allowed
    throw new TareError(
      'ENGINE_INVALID',
      `the engine asks for rights that the build does not need: ${scopes.join(' ')}`,
    )
  }

  private warn(message: string): void {
    this.call.report({ type: 'warning', rule: 'EngineLogin', message })
  }
}
