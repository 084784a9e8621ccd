import { TareError } from '../support/index.ts'
import { type Digest, isDigest } from './digest.ts'

/** A fully qualified image name, such as docker.io/library/alpine with its tag or digest. */
export interface Reference {
  readonly registry: string
  readonly repository: string
  readonly tag?: string
  readonly digest?: Digest
}

const domain =
  /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?$|^\[[0-9a-fA-F:]+\](?::[0-9]+)?$/
const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const tagPattern = /^[\w][\w.-]{0,127}$/
const nameLimit = 255

/**
 * Parses `[registry[:port]/]path[:tag][@digest]`, defaulting to docker.io, library/ and, unless there is a digest, the tag `latest`. Throws
 * `REFERENCE_INVALID`. (distribution/reference, ParseDockerRef)
 */
export function parseReference(text: string): Reference {
  const invalid = (why: string, remedy?: string) =>
    new TareError('REFERENCE_INVALID', `invalid reference format: "${text}": ${why}`, { remedy })
  if (/^[a-f0-9]{64}$/.test(text)) throw invalid('a name cannot be 64 hex digits, as an image ID is')
  const [beforeDigest, ...digests] = text.split('@')
  let name = beforeDigest!
  if (digests.length > 1) throw invalid('more than one "@"')
  const digest = digests[0]
  if (digest !== undefined && !isDigest(digest)) throw invalid('what follows "@" is not a sha256 digest')
  let tag: string | undefined
  const colon = name.lastIndexOf(':')
  if (colon > name.lastIndexOf('/')) {
    tag = name.slice(colon + 1)
    name = name.slice(0, colon)
    if (!tagPattern.test(tag))
      throw invalid(`the tag ${JSON.stringify(tag)} is not letters, digits, "_", "." and "-", at most 128`)
  }
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const isDomain = slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first)
  let registry = isDomain ? first : 'docker.io'
  let repository = isDomain ? name.slice(slash + 1) : name
  if (registry === 'index.docker.io') registry = 'docker.io'
  if (repository === '') throw invalid('the name is empty')
  if (/[A-Z]/.test(repository))
    throw invalid('repository name must be lowercase', `Names are lower case: write ${lowered(text, repository)}.`)
  if (!repository.split('/').every((part) => pathComponent.test(part)))
    throw invalid('a part of the name has an invalid character or is empty')
  if (!domain.test(registry)) throw invalid(`"${registry}" is not a registry's host name`)
  if (registry === 'docker.io' && !repository.includes('/')) repository = `library/${repository}`
  if (registry.length + 1 + repository.length > nameLimit)
    throw invalid(`the name is longer than ${nameLimit} characters`)
  return {
    registry,
    repository,
    ...(tag === undefined ? (digest === undefined ? { tag: 'latest' } : {}) : { tag }),
    ...(digest === undefined ? {} : { digest }),
  }
}

/** Lowers only the repository: in `My/App:1`, My is hardly a registry, and tags may contain capitals. */
function lowered(text: string, repository: string): string {
  const name = repository.toLowerCase()
  const at = text.indexOf(repository)
  const before = text.slice(0, at)
  return `${/[.:]/.test(before) ? before : before.toLowerCase()}${name}${text.slice(at + repository.length)}`
}

/** Formats the full name, for example `docker.io/library/alpine:3.19`. */
export function formatReference(name: Reference): string {
  return `${name.registry}/${name.repository}${name.tag === undefined ? '' : `:${name.tag}`}${name.digest === undefined ? '' : `@${name.digest}`}`
}

/** Returns the repository as docker prints it: without docker.io and library/. */
export function familiarRepository(name: Reference): string {
  if (name.registry !== 'docker.io') return `${name.registry}/${name.repository}`
  return name.repository.startsWith('library/') ? name.repository.slice('library/'.length) : name.repository
}

/** Returns the name as docker prints it: `alpine:3.19`. */
export function familiarName(name: Reference): string {
  return `${familiarRepository(name)}${name.tag === undefined ? '' : `:${name.tag}`}${name.digest === undefined ? '' : `@${name.digest}`}`
}
