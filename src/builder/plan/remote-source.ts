import { type Add, type GitAddress, isCommitPrefix, isGitAddress, readGitAddress } from '../../dockerfile/index.ts'
import { isDigest } from '../../oci/index.ts'
import { decodeName, TareError } from '../../support/index.ts'

/** An operation that fetches a remote source of ADD. */
export type RemoteOperation =
  | { readonly kind: 'download'; readonly url: string; readonly checksum?: string }
  | { readonly kind: 'git'; readonly source: GitAddress }

const url = /^https?:\/\//i

/** Whether a source of ADD is remote rather than in the context. */
export function isRemote(path: string): boolean {
  return url.test(path) || isGitAddress(path)
}

/** Returns the file name for a URL: the last part of its path with %-escapes decoded, whatever the server says. */
export function downloadName(address: string): string {
  const path = URL.canParse(address) ? unescaped(new URL(address).pathname) : ''
  const name = path.replace(/\/+$/, '').split('/').at(-1) ?? ''
  return name === '' || name === '.' || name === '..' || name.includes('\0') ? '__unnamed__' : name
}

/** Escapes are bytes, and need not be valid characters. */
function unescaped(path: string): string {
  const parts = path.split(/%([0-9a-f]{2})/i)
  return decodeName(Buffer.concat(parts.map((part, i) => Buffer.from(part, i % 2 === 1 ? 'hex' : 'utf8'))))
}

/** Returns the operation for a source of ADD. Throws `COPY_SOURCE_INVALID`, `GIT_ADDRESS_INVALID`. */
export function remoteOperation(path: string, checksum: string | undefined, { keepGitDir }: Add): RemoteOperation {
  if (isGitAddress(path)) return { kind: 'git', source: gitSource(path, checksum?.toLowerCase(), keepGitDir) }
  if (checksum === undefined) return { kind: 'download', url: path }
  if (!isDigest(checksum))
    throw refuse(`invalid checksum "${checksum}" of a file`, 'It must be sha256: followed by 64 hexadecimal digits.')
  return { kind: 'download', url: path, checksum }
}

/** Returns the repository, with what the flags say besides its address. */
function gitSource(path: string, checksum: string | undefined, keepGitDir: boolean | undefined): GitAddress {
  const source = readGitAddress(path)
  if (checksum !== undefined && !isCommitPrefix(checksum))
    throw refuse(
      `invalid checksum "${checksum}" of a git repository`,
      'Write a commit, or at least seven of its hexadecimal digits.',
    )
  const commit = longer(checksum, source.commit)
  const keep = keepGitDir ?? source.keepGitDir
  return {
    ...source,
    ...(commit === undefined ? {} : { commit }),
    ...(keep === undefined ? {} : { keepGitDir: keep }),
  }
}

function longer(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b
  if (a.startsWith(b)) return a
  if (b.startsWith(a)) return b
  throw refuse(`--checksum=${a} and the commit ${b} in the address differ`, 'Use one of them.')
}

function refuse(message: string, remedy: string): TareError {
  return new TareError('COPY_SOURCE_INVALID', message, { remedy })
}
