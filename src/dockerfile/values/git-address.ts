import { pathInside, type TareError, withoutCredentials } from '../../support/index.ts'
import { refusal } from '../language/index.ts'

/** A git repository as a source of files, and which part of it to use. */
export interface GitAddress {
  /** The URL passed to git. */
  readonly remote: string
  /** A branch, tag, full ref or full commit hash. Default: the repository's HEAD. */
  readonly ref?: string
  /** Normalized and relative. */
  readonly subdir?: string
  /** A prefix that the commit's hash must have. */
  readonly commit?: string
  readonly keepGitDir?: boolean
  readonly submodules: boolean
  /** Where the files' modification times come from: the checkout or the commit. */
  readonly times: 'checkout' | 'commit'
}

const scheme = /^(?:git|ssh):\/\/\S/i
const secureCopy = /^[\w.-]+@[\w.-]+:(?!\/\/)\S/
const web = /^https?:\/\/[^?#\s]+\.git(?:[?#]|$)/i

/** Whether a source of ADD is a git repository rather than a file. */
export function isGitAddress(text: string): boolean {
  return scheme.test(text) || secureCopy.test(text) || web.test(text)
}

/** The same for a build context, where `github.com/…` needs no scheme. */
export function isGitContext(text: string): boolean {
  return isGitAddress(text) || text.startsWith('github.com/')
}

/** Parses `remote[?key=value…][#ref[:subdir]]`. Throws `GIT_ADDRESS_INVALID`. */
export function readGitAddress(text: string): GitAddress {
  const shown = withoutCredentials(text)
  const refuse = (why: string, remedy: string) => refusal('GIT_ADDRESS_INVALID', `${shown}: ${why}`, remedy)
  const hash = text.indexOf('#')
  const [address, fragment] = hash < 0 ? [text, ''] : [text.slice(0, hash), text.slice(hash + 1)]
  const mark = address.indexOf('?')
  const remote = withScheme(mark < 0 ? address : address.slice(0, mark))
  // git or ssh would take these for options, or for several words.
  if (/^-|:\/\/-|@-|:-|[\s\p{Cc}]/u.test(remote))
    throw refuse('this is not a repository’s address', 'The syntax is https://HOST/PATH.git#REF:FOLDER.')
  const colon = fragment.indexOf(':')
  const said = {
    ref: colon < 0 ? fragment : fragment.slice(0, colon),
    subdir: colon < 0 ? '' : fragment.slice(colon + 1),
  }
  const query = readQuery(mark < 0 ? '' : address.slice(mark + 1), refuse)
  const commit = query.get('commit')?.toLowerCase()
  if (commit !== undefined && !isCommitPrefix(commit))
    throw refuse(`commit=${commit} is no commit`, 'Use at least seven hexadecimal digits.')
  const ref = one(
    'ref',
    [said.ref, query.get('ref'), full('tags', query.get('tag')), full('heads', query.get('branch'))],
    refuse,
  )
  const wanted = ref ?? (commit !== undefined && isCommit(commit) ? commit : undefined)
  if (wanted !== undefined && !isRef(wanted))
    throw refuse(
      `${JSON.stringify(wanted)} is not the name of a branch, tag or commit`,
      '# is followed by REF or REF:FOLDER.',
    )
  if (wanted !== undefined && isCommit(wanted) && commit !== undefined && !wanted.toLowerCase().startsWith(commit))
    throw refuse(`the commits ${wanted} and ${commit} differ`, 'Use one of them.')
  const subdir = pathInside(one('subdir', [said.subdir, query.get('subdir')], refuse) ?? '')
  if (subdir === undefined) throw refuse('the folder is outside the repository', 'Paths are relative to its root.')
  const keep = query.get('keep-git-dir')
  return {
    remote,
    ...(wanted === undefined ? {} : { ref: wanted }),
    ...(subdir === '' ? {} : { subdir }),
    ...(commit === undefined ? {} : { commit }),
    ...(keep === undefined ? {} : { keepGitDir: readBoolean('keep-git-dir', keep, refuse) }),
    submodules: readBoolean('submodules', query.get('submodules') ?? 'true', refuse),
    times: readTimes(query.get('mtime') ?? 'checkout', refuse),
  }
}

/** Whether a text could be a commit hash or its prefix. */
export function isCommitPrefix(text: string): boolean {
  return /^[0-9a-f]{7,64}$/i.test(text)
}

type Refuse = (why: string, remedy: string) => TareError

function isCommit(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(text)
}

/** (git-check-ref-format(1), as far as security requires) */
function isRef(text: string): boolean {
  return !/^[-/.]|\.\.|@\{|\/\/|[\s\p{Cc}~^:?*[\\]|[/.]$|\.lock$/u.test(text)
}

function withScheme(remote: string): string {
  return remote.startsWith('github.com/') ? `https://${remote}` : remote
}

const keys = [
  'ref',
  'tag',
  'branch',
  'commit',
  'checksum',
  'subdir',
  'keep-git-dir',
  'submodules',
  'mtime',
  'fetch-by-commit',
]

function readQuery(text: string, refuse: Refuse): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [key, value] of new URLSearchParams(text)) {
    if (!keys.includes(key)) throw refuse(`unexpected query ${JSON.stringify(key)}`, `Use ${keys.join(', ')}.`)
    const name = key === 'checksum' ? 'commit' : key
    if (found.has(name)) throw refuse(`query ${JSON.stringify(key)} has multiple values`, 'Use one of them.')
    // A key without a value enables a switch.
    const isSwitch = key === 'keep-git-dir' || key === 'submodules'
    if (value === '' && !isSwitch)
      throw refuse(`query ${JSON.stringify(key)} has no value`, 'Give it a value, or drop it.')
    found.set(name, value === '' ? 'true' : value)
  }
  return found
}

function full(kind: 'tags' | 'heads', name: string | undefined): string | undefined {
  return name === undefined ? undefined : `refs/${kind}/${name.replace(new RegExp(`^refs/${kind}/`), '')}`
}

/** Returns the only value given, wherever it was given. */
function one(what: string, values: readonly (string | undefined)[], refuse: Refuse): string | undefined {
  const given = [...new Set(values.filter((value) => value !== undefined && value !== ''))]
  if (given.length > 1) throw refuse(`${what} conflicts: ${given.join(' and ')}`, 'Use one of them.')
  return given[0]
}

function readBoolean(key: string, value: string, refuse: Refuse): boolean {
  if (/^(?:1|t|true)$/i.test(value)) return true
  if (/^(?:0|f|false)$/i.test(value)) return false
  throw refuse(`${key}=${value} is neither true nor false`, `Write ${key}=true or ${key}=false.`)
}

function readTimes(value: string, refuse: Refuse): 'checkout' | 'commit' {
  if (value === 'checkout' || value === 'commit') return value
  throw refuse(`mtime=${value} is not known`, 'Write mtime=checkout or mtime=commit.')
}
