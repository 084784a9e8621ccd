import { createReadStream, existsSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Readable } from 'node:stream'
import { Failure } from '../../failure.ts'

/** A context in kaniko's words, as `tare build` takes it. */
export interface KanikoContext {
  /** Its last argument: a path, an address, or `-`. */
  readonly argument: string
  /** What `-` reads instead of standard input. */
  readonly stdin?: Readable
  /** The folder of an archive that is meant. */
  readonly folder?: string
}

const clouds: readonly (readonly [RegExp, string])[] = [
  [/^s3:/, 'S3'],
  [/^gs:/, 'Google Cloud Storage'],
  [/^https:\/\/[^/]+\.blob\.core\.windows\.net\//, 'Azure Blob Storage'],
]

/** Reads `--context`. (kaniko, README, "kaniko Build Contexts") */
export function readKanikoContext(text: string, sub: string, git: string | undefined): KanikoContext {
  const cloud = clouds.find(([pattern]) => pattern.test(text))?.[1]
  if (cloud !== undefined)
    throw new Failure(`--context ${text}: contexts in ${cloud} are not supported`, {
      remedy: 'Download it before, and name its folder or tar: --context dir://PATH, --context tar://PATH.',
    })
  if (text.startsWith('tar://')) return tarContext(text.slice('tar://'.length), sub)
  if (text.startsWith('git://')) return { argument: gitAddress(text.slice('git://'.length), sub, git) }
  if (/^https?:\/\//.test(text)) {
    if (/\.git(?:#|$)/.test(text)) return { argument: gitAddress(text.replace(/^https?:\/\//, ''), sub, git) }
    return { argument: text, ...folderOf(sub) }
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) && !text.startsWith('dir://'))
    throw new Failure(`--context ${text}: this kind of context is not known`, {
      remedy: 'Name a folder or tar, a Git repository or an address: dir://, tar://, git:// or https://.',
    })
  const path = text.replace(/^dir:\/\//, '')
  return { argument: join(path, sub) }
}

function tarContext(path: string, sub: string): KanikoContext {
  if (path === 'stdin') return { argument: '-', ...folderOf(sub) }
  if (!existsSync(path)) throw new Failure(`--context tar://${path}: there is no such file`)
  return { argument: '-', stdin: createReadStream(path), ...folderOf(sub) }
}

function folderOf(sub: string): { readonly folder?: string } {
  return sub === '' ? {} : { folder: sub }
}

/** `host/repo.git#refs/heads/main#commit` becomes BuildKit's form; a commit says more than a branch. */
function gitAddress(text: string, sub: string, git: string | undefined): string {
  const [repository, ref, commit] = text.split('#')
  const branch = /(?:^|,)branch=([^,]*)/.exec(git ?? '')?.[1]
  const revision = commit || ref || branch || ''
  const tail = `${revision}${sub === '' ? '' : `:${sub}`}`
  return `https://${repository}${tail === '' ? '' : `#${tail}`}`
}

/** Returns where the Dockerfile is: a path that exists counts as it is, any other is one in the context. */
export function dockerfileIn(path: string, { argument }: KanikoContext): string {
  const isFolder = argument !== '-' && !/^https?:\/\//.test(argument)
  if (!isFolder || /^https?:\/\//.test(path)) return path
  return isAbsolute(path) || existsSync(path) ? path : join(argument, path)
}
