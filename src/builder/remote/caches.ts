import type { Host } from '../../images/index.ts'
import { TareError } from '../../support/index.ts'
import { labelled, readableFolder, writableFolder } from './cache-folders.ts'
import type { OfferedContent } from './session/index.ts'

/** A cache as BuildKit is told of it. `folder` is one of this machine, whose path the engine is not told. */
export interface RemoteCache {
  readonly type: 'registry' | 'local' | 'gha' | 'inline'
  readonly attrs: Readonly<Record<string, string>>
  readonly folder?: { readonly path: string; readonly tag: string } | undefined
}

interface Entry {
  readonly type: string
  readonly attrs: Readonly<Record<string, string>>
}

export interface CachesFor {
  readonly host: Host
  /** For messages. */
  readonly engine: string
  /** Whether it can export caches that are not in the image. */
  readonly exportsCaches: boolean
  /** Called with the cache that was not there. */
  readonly missing: (path: string) => void
}

/** The caches that an engine imports and exports in a build. */
export class RemoteCaches {
  readonly imports: readonly Entry[]
  readonly exports: readonly Entry[]
  private readonly stores: ReadonlyMap<string, OfferedContent>
  private readonly labels: readonly ((told: string) => Promise<void>)[]

  private constructor(
    imports: readonly Entry[],
    exports: readonly Entry[],
    stores: ReadonlyMap<string, OfferedContent>,
    labels: readonly ((told: string) => Promise<void>)[],
  ) {
    this.imports = imports
    this.exports = exports
    this.stores = stores
    this.labels = labels
  }

  /** Opens folders. Rejects with `ENGINE_UNSUPPORTED` for what the engine cannot do, and with `ARCHIVE_UNWRITABLE`. */
  static async open(from: readonly RemoteCache[], to: readonly RemoteCache[], about: CachesFor): Promise<RemoteCaches> {
    const { host, engine, exportsCaches, missing } = about
    const refused = exportsCaches ? undefined : to.find(({ type }) => type !== 'inline')
    if (refused !== undefined)
      throw new TareError(
        'ENGINE_UNSUPPORTED',
        `the image store of ${engine} exports no cache of type ${refused.type}: only inline`,
        { remedy: 'Use --cache-to type=inline, docker’s containerd image store, or a buildkitd.' },
      )
    const stores = new Map<string, OfferedContent>()
    const imports: Entry[] = []
    const exports: Entry[] = []
    const labels: ((told: string) => Promise<void>)[] = []
    for (const [i, { type, attrs, folder }] of from.entries()) {
      if (folder === undefined) {
        imports.push({ type, attrs })
        continue
      }
      const digest = attrs['digest'] ?? (await labelled(folder.path, folder.tag, host.store.reserve().path))
      if (digest === undefined) {
        missing(folder.path)
        continue
      }
      const src = `from-${i}`
      stores.set(`local:${src}`, readableFolder(folder.path))
      imports.push({ type, attrs: { ...attrs, src, digest } })
    }
    for (const [i, { type, attrs, folder }] of to.entries()) {
      const dest = `to-${i}`
      exports.push({ type, attrs: folder === undefined ? attrs : { ...attrs, dest } })
      if (folder === undefined) continue
      const { content, label } = await writableFolder(folder.path)
      stores.set(`local:${dest}`, content)
      labels.push((told) => label(folder.tag, told))
    }
    return new RemoteCaches(imports, exports, stores, labels)
  }

  get isUsed(): boolean {
    return this.imports.length + this.exports.length > 0
  }

  /** Returns the blobs that are offered under a name. */
  content(store: string): OfferedContent | undefined {
    return this.stores.get(store)
  }

  /** Called with the engine's answer, once the build is done. */
  async finish(response: Readonly<Record<string, string>>): Promise<void> {
    const told = response['cache.manifest']
    if (this.labels.length === 0) return
    if (told === undefined) throw new TareError('CACHE_EXPORT_FAILED', 'the engine has exported no cache to the folder')
    for (const label of this.labels) await label(told)
  }
}
