import type { CacheDestination, CacheSource, GithubCache } from '../../../index.ts'
import { Failure, notYet } from '../../failure.ts'
import { sizeOf } from '../../flags.ts'
import { compressions, levelOf } from '../images/image-kind.ts'
import { FlagFields } from './flag-fields.ts'

// BuildKit's other kinds.
const others = ['s3', 'azblob']
const remedy = 'Use type=registry, type=local, type=gha or type=inline.'

/** `user/app:cache` alone, or `type=registry|local` with its keys. (buildx, --cache-from) */
export function readCacheSource(text: string): CacheSource {
  if (!text.includes('=')) return { type: 'registry', ref: text }
  const fields = new FlagFields(text, '--cache-from')
  const source = readSource(fields)
  fields.finish()
  return source
}

function readSource(fields: FlagFields): CacheSource {
  const trust = { verify: fields.take('verify'), mounts: fields.takeSwitch('mounts') }
  switch (fields.type) {
    case 'registry':
      return { type: 'registry', ref: needed(fields, 'ref', '--cache-from'), insecure: insecureOf(fields), ...trust }
    case 'local':
      return {
        ...{ type: 'local', path: needed(fields, 'src', '--cache-from'), ...trust },
        ...{ tag: fields.take('tag'), digest: fields.take('digest') },
      }
    case 'gha':
      return { ...githubOf(fields), ...trust }
    case 'inline':
      throw new Failure('--cache-from type=inline is unknown', {
        remedy: 'Write --cache-from with the name of the image.',
      })
    default:
      throw unknown(fields.type, '--cache-from')
  }
}

/** `user/app:cache` alone, or `type=registry|local|inline` with its keys. (buildx, --cache-to) */
export function readCacheDestination(text: string): CacheDestination {
  if (!text.includes('=')) return { type: 'registry', ref: text }
  const fields = new FlagFields(text, '--cache-to')
  const to = readDestination(fields)
  fields.finish()
  return to
}

function readDestination(fields: FlagFields): CacheDestination {
  switch (fields.type) {
    case 'registry':
      return {
        ...{ type: 'registry', ref: needed(fields, 'ref', '--cache-to'), insecure: insecureOf(fields) },
        ...{ imageManifest: fields.takeSwitch('image-manifest'), ociMediaTypes: fields.takeSwitch('oci-mediatypes') },
        overwrite: fields.takeSwitch('overwrite'),
        ...exportOf(fields),
      }
    case 'local':
      return {
        ...{ type: 'local', path: needed(fields, 'dest', '--cache-to'), tag: fields.take('tag') },
        ...exportOf(fields),
      }
    case 'gha':
      return { ...githubOf(fields), ...exportOf(fields) }
    case 'inline':
      if ((fields.take('mode') ?? 'min') !== 'min')
        throw new Failure('--cache-to type=inline has no mode=max: an image has only its own layers', {
          remedy: 'Use type=registry with mode=max.',
        })
      return { type: 'inline' }
    default:
      throw unknown(fields.type, '--cache-to')
  }
}

function mountsOf(fields: FlagFields) {
  const mounts = fields.takeSwitch('mounts')
  const [ids, most] = [fields.take('mounts-ids'), fields.take('mounts-max')]
  if ((ids ?? most) !== undefined && mounts !== true)
    throw new Failure('mounts-ids and mounts-max need mounts=true', { remedy: 'Add mounts=true.' })
  const mountsMax = sizeOf(most)
  if (most !== undefined && mountsMax === undefined)
    throw new Failure(`invalid mounts-max ${JSON.stringify(most)} in --cache-to`, {
      remedy: 'Write a size, as in 500m or 2g.',
    })
  return { mounts, mountIds: ids?.split(';').filter(Boolean), mountsMax }
}

function exportOf(fields: FlagFields) {
  const asked = fields.take('mode')
  const mode = (['min', 'max'] as const).find((candidate) => candidate === asked)
  if (asked !== undefined && mode === undefined)
    throw new Failure(`invalid mode ${JSON.stringify(asked)} in --cache-to`, { remedy: 'Use mode=min or mode=max.' })
  const packed = fields.take('compression')
  const compression = compressions.find((candidate) => candidate === packed)
  if (packed !== undefined && compression === undefined)
    throw notYet(`--cache-to type=${fields.type},compression=${packed}`, 'Use gzip or zstd.')
  // Layers that are there are kept as they are.
  fields.expect('force-compression', false)
  return {
    ...{ mode, compression, compressionLevel: levelOf(fields.take('compression-level'), compression ?? 'gzip') },
    ...{ ignoreError: fields.takeSwitch('ignore-error'), sign: fields.take('sign') },
    ...mountsOf(fields),
  }
}

const spans: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

function githubOf(fields: FlagFields): GithubCache {
  const [scope, token, url] = [fields.take('scope'), fields.take('token'), fields.take('url_v2')]
  const said = fields.take('timeout')
  const [, count, unit] = /^(\d+)(ms|s|m|h)$/.exec(said ?? '') ?? []
  if (said !== undefined && count === undefined)
    throw new Failure(`invalid timeout ${JSON.stringify(said)}`, { remedy: 'Write a number and a unit, as in 10m.' })
  // For version 1 of the service, which GitHub has switched off, and for GitHub's other API, which is not needed.
  for (const key of ['url', 'version', 'repository', 'ghtoken']) fields.take(key)
  return { type: 'gha', scope, token, url, timeout: count === undefined ? undefined : Number(count) * spans[unit!]! }
}

function insecureOf(fields: FlagFields): boolean | undefined {
  return fields.takeSwitch('registry.insecure') ?? fields.takeSwitch('insecure')
}

function needed(fields: FlagFields, key: string, flag: string): string {
  const value = fields.take(key)
  if (value !== undefined && value !== '') return value
  throw new Failure(`${flag} type=${fields.type} needs ${key}=`)
}

function unknown(type: string, flag: string): Failure {
  if (others.includes(type)) return notYet(`${flag} type=${type}`, remedy)
  return new Failure(`unknown cache type ${JSON.stringify(type)} in ${flag}`, { remedy })
}
