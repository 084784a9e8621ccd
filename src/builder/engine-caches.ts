import type { BuildOptions, CacheDestination, CacheSource } from '../api/index.ts'
import { type Host, repositoryOf } from '../images/index.ts'
import { parseReference } from '../oci/index.ts'
import { TareError } from '../support/index.ts'
import { findBuilders, type RemoteCache } from './remote/index.ts'

export interface EngineCaches {
  readonly from: readonly RemoteCache[]
  readonly to: readonly RemoteCache[]
  /** Repositories that are read and written, with their registries. */
  readonly read: readonly string[]
  readonly written: readonly string[]
}

/** Returns a build's caches in BuildKit's words. Throws `ENGINE_UNSUPPORTED` for what only caches of builds here have. */
export function engineCaches(options: BuildOptions, environment: Environment): EngineCaches {
  const { cacheFrom = [], cacheTo = [], noCache, buildArgs = {}, platforms = [] } = options
  const from = noCache === true ? [] : cacheFrom
  const isInline = /^(?:1|true)$/i.test(buildArgs['BUILDKIT_INLINE_CACHE'] ?? '')
  const to = isInline && cacheTo.every(({ type }) => type !== 'inline') ? [...cacheTo, inline] : cacheTo
  if (platforms.length > 1 && to.some(({ type }) => type !== 'inline'))
    throw new TareError('ENGINE_UNSUPPORTED', 'a cache that an engine exports has the steps of one platform', {
      remedy: 'Build the platforms one by one, with a cache for each.',
    })
  return {
    from: from.map((cache) => importOf(cache, environment)),
    to: to.map((cache) => exportOf(cache, environment)),
    read: from.flatMap(repositoriesOf),
    written: to.flatMap(repositoriesOf),
  }
}

const inline = { type: 'inline' } as const

function repositoriesOf(cache: CacheSource | CacheDestination): readonly string[] {
  return cache.type === 'registry' ? [repositoryOf(parseReference(cache.ref))] : []
}

type Environment = Readonly<Record<string, string | undefined>>
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

function given(attributes: Attributes): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
  )
}

function placeOf(
  cache: CacheSource | CacheDestination,
  environment: Environment,
): Pick<RemoteCache, 'attrs' | 'folder'> {
  switch (cache.type) {
    case 'registry':
      return { attrs: given({ ref: cache.ref, 'registry.insecure': cache.insecure }) }
    case 'local':
      return { attrs: {}, folder: { path: cache.path, tag: cache.tag ?? 'latest' } }
    case 'gha': {
      const { scope = 'tare', token = environment['ACTIONS_RUNTIME_TOKEN'] } = cache
      const { url = environment['ACTIONS_RESULTS_URL'] } = cache
      return { attrs: given({ scope, token, url_v2: url, version: url === undefined ? undefined : 2 }) }
    }
    case 'inline':
      return { attrs: {} }
  }
}

function importOf(cache: CacheSource, environment: Environment): RemoteCache {
  if (cache.verify !== undefined) throw refused('verifies no signatures of caches', 'verify=')
  if (cache.mounts === true) throw refused('takes no cache mounts from caches', 'mounts=true')
  const { attrs, folder } = placeOf(cache, environment)
  const digest = cache.type === 'local' ? cache.digest : undefined
  return { type: cache.type, attrs: { ...attrs, ...given({ digest }) }, folder }
}

function exportOf(cache: CacheDestination, environment: Environment): RemoteCache {
  const { attrs, folder } = placeOf(cache, environment)
  if (cache.type === 'inline') return { type: cache.type, attrs }
  if (cache.sign !== undefined) throw refused('signs no caches', 'sign=')
  if (cache.mounts === true) throw refused('exports no cache mounts', 'mounts=true')
  const { mode = 'min', compression, compressionLevel, ignoreError } = cache
  const ofRegistry =
    cache.type === 'registry'
      ? { 'image-manifest': cache.imageManifest ?? true, 'oci-mediatypes': cache.ociMediaTypes ?? true }
      : {}
  const form = { mode, compression, 'compression-level': compressionLevel, 'ignore-error': ignoreError }
  return { type: cache.type, attrs: { ...attrs, ...given({ ...form, ...ofRegistry }) }, folder }
}

function refused(what: string, key: string): TareError {
  return new TareError('ENGINE_UNSUPPORTED', `an engine ${what}`, {
    remedy: `Leave out ${key}, or build here: --builder default.`,
  })
}

/** Whether a build runs on one engine, and nowhere else. */
export function isOneEngine({ environment }: Host, builder: string): boolean {
  return findBuilders(builder, environment).kind === 'engine'
}
