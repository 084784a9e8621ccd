import type { BuildOptions } from '../../api/index.ts'
import type { Dockerfile, IgnoreMatcher } from '../../dockerfile/index.ts'
import type { BuildContext } from '../../files/context/index.ts'
import type { Host } from '../../images/index.ts'
import { contextKey, type EpochSource } from '../plan/index.ts'
import { openBuild, openNamedFolder } from './inputs.ts'
import type { ContextTools, RemoteContexts } from './remote-context.ts'

/** The contexts of a build: its own and the named ones, each opened once, on first use. */
export class BuildContexts {
  private readonly host: Host
  private readonly options: BuildOptions
  private readonly tools: ContextTools
  private readonly named = new Map<string, Promise<BuildContext>>()
  private readonly opened: BuildContext[] = []
  private remote: Promise<RemoteContexts> | undefined

  constructor(host: Host, options: BuildOptions, tools: ContextTools) {
    this.host = host
    this.options = options
    this.tools = tools
  }

  /** Opens the build's own context, named '', and reads the Dockerfile. */
  async begin(): Promise<{ readonly file: Dockerfile; readonly ignore?: IgnoreMatcher | undefined }> {
    const inputs = await openBuild(this.host, this.options, this.tools.steps, () => this.remotes())
    const { file, context, ignore } = inputs
    this.opened.push(context)
    this.named.set('', Promise.resolve(context))
    return { file, ignore }
  }

  get(name: string): Promise<BuildContext> {
    const context = this.named.get(name) ?? this.open(name)
    this.named.set(name, context)
    return context
  }

  /** Returns when the source was made, in seconds since 1970, if known. */
  async timeOf(source: EpochSource): Promise<number | undefined> {
    if (source.kind === 'context') return (await this.get(source.name)).madeAt?.()
    return (await this.remotes()).timeOfSource(source)
  }

  /** Returns what fetches remote contexts; most builds do not need it. */
  remotes(): Promise<RemoteContexts> {
    this.remote ??= import('./remote-context.ts').then(
      ({ RemoteContexts }) => new RemoteContexts(this.host, this.options, this.tools),
    )
    return this.remote
  }

  async close(): Promise<void> {
    for (const context of this.opened) context.close()
    const remotes = await this.remote?.catch(() => undefined)
    remotes?.close()
  }

  private async open(name: string): Promise<BuildContext> {
    const [, value] = Object.entries(this.options.contexts!).find(([key]) => contextKey(key) === name)!
    const context =
      value.kind === 'remote'
        ? await (await this.remotes()).openNamed(value.address, name)
        : openNamedFolder(this.host, (value as { readonly path: string }).path, name)
    this.opened.push(context)
    return context
  }
}
