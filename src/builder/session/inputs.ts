import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, isAbsolute, join, relative, resolve } from 'node:path'
import type { BuildOptions } from '../../api/index.ts'
import {
  type Dockerfile,
  type IgnoreMatcher,
  ignoreMatcher,
  parseDockerfile,
  parseIgnore,
} from '../../dockerfile/index.ts'
import {
  type BuildContext,
  ContextMemory,
  type Ignore,
  openDirectory,
  openStream,
  textLimit,
} from '../../files/context/index.ts'
import { Tree } from '../../files/tree/index.ts'
import { type Host, unpackLimit } from '../../images/index.ts'
import { closest, decodeName, type Steps, sha256, systemCode, TareError } from '../../support/index.ts'
import type { RemoteContexts } from './remote-context.ts'

/** What a build starts from. */
export interface BuildInputs {
  readonly file: Dockerfile
  readonly context: BuildContext
  /** What the context excludes. */
  readonly ignore?: IgnoreMatcher | undefined
}

/** What remains to be read after remote Dockerfiles have been fetched. */
type LocalDockerfile = Exclude<BuildOptions['dockerfile'], { readonly url: string }>
type LocalOptions = Omit<BuildOptions, 'dockerfile'> & { readonly dockerfile?: LocalDockerfile }

/** The Dockerfile's text, its location, and where its own ignore file would be. */
interface Script {
  readonly name: string
  readonly text: string
  readonly ignoreFile?: { readonly name: string; readonly text: string } | undefined
}

/** Opens the context and reads the Dockerfile. The caller closes the context. `remotes` provides remote contexts. */
export async function openBuild(
  host: Host,
  asked: BuildOptions,
  steps: Steps,
  remotes: () => Promise<RemoteContexts>,
): Promise<BuildInputs> {
  const options = await withFetchedDockerfile(asked, remotes)
  const { context: source } = options
  if (source.kind === 'directory') return fromDirectory(host, options, source.path, steps)
  if (source.kind === 'empty') return { file: read(await given(options, undefined), steps), context: emptyContext() }
  if (source.kind === 'remote') {
    const { context, text } = await (await remotes()).open(source.address, source.folder)
    return fromFiles(options, context, text, steps)
  }
  const scratch = () => host.store.reserve().path
  const { folder } = source
  const streamOptions = { name: '-', scratch, unpackLimit: unpackLimit(host), folder, signal: options.signal }
  const opened = await openStream(source.bytes, streamOptions).catch((error: unknown) => {
    throw host.store.explain(error)
  })
  if ('text' in opened) return fromFiles(options, emptyContext(), opened.text, steps)
  return fromFiles(options, opened, undefined, steps)
}

/** Returns the options with a remote Dockerfile replaced by its text. */
async function withFetchedDockerfile(
  options: BuildOptions,
  remotes: () => Promise<RemoteContexts>,
): Promise<LocalOptions> {
  const { dockerfile, ...others } = options
  if (dockerfile === undefined || !('url' in dockerfile)) return { ...others, dockerfile }
  return { ...others, dockerfile: { text: await (await remotes()).text(dockerfile.url) } }
}

async function fromDirectory(host: Host, options: LocalOptions, path: string, steps: Steps): Promise<BuildInputs> {
  const plain = openContextFolder(host, path, path, undefined)
  const script = options.dockerfile === undefined ? findDockerfile(plain, path) : await given(options, path)
  const file = read(script, steps)
  const ignore = readIgnore(script, plain, steps)
  return { file, context: openContextFolder(host, path, path, ignore?.of), ignore: ignore?.matcher }
}

/** For a context that came whole; `text` is the Dockerfile if nothing else came. */
function fromFiles(options: LocalOptions, context: BuildContext, text: string | undefined, steps: Steps): BuildInputs {
  try {
    const script = text === undefined ? scriptIn(options, context) : { name: 'Dockerfile', text }
    return { file: read(script, steps), context }
  } catch (error) {
    context.close()
    throw error
  }
}

function scriptIn({ dockerfile }: LocalOptions, plain: BuildContext): Script {
  const where = plain.name === '-' ? 'the archive on standard input' : plain.name
  if (dockerfile === undefined) return findDockerfile(plain, where)
  if ('text' in dockerfile) return scriptOf(dockerfile)
  const text = plain.readText(dockerfile.path)
  if (text === undefined)
    throw new TareError('DOCKERFILE_MISSING', `there is no ${dockerfile.path} in ${where}`, {
      remedy: 'The path given with -f is relative to its root.',
    })
  return { name: basename(dockerfile.path), text }
}

/** Opens a folder as a context, with what an earlier build learnt about its files. */
export function openContextFolder(host: Host, path: string, name: string, ignore: Ignore | undefined): BuildContext {
  const key = sha256(resolve(path)).slice('sha256:'.length)
  const { records } = host.store
  // The memory is loaded only when a file is looked at.
  const memory = new ContextMemory(() => records.recallBytes('contexts', key))
  return openDirectory(resolve(path), {
    name,
    ignore,
    memory,
    keepMemory: (bytes) => records.remember('contexts', key, bytes),
  })
}

/** Opens a named context's folder, with its own .dockerignore. */
export function openNamedFolder(host: Host, path: string, name: string): BuildContext {
  const plain = openContextFolder(host, path, name, undefined)
  const text = plain.readText('.dockerignore')
  return text === undefined ? plain : openContextFolder(host, path, name, ignoreOf({ name: '.dockerignore', text }).of)
}

function findDockerfile(plain: BuildContext, where: string): Script {
  for (const name of ['Dockerfile', 'dockerfile']) {
    const text = plain.readText(name)
    if (text !== undefined) return { name, text, ignoreFile: namedIgnore(name, plain.readText(`${name}.dockerignore`)) }
  }
  const meant = closest('Dockerfile', plain.tree.root.children.keys())
  throw new TareError('DOCKERFILE_MISSING', `failed to read dockerfile: there is no Dockerfile in ${where}`, {
    remedy: `Name another with -f${meant === undefined ? '.' : `, such as -f ${join(where, meant)}.`}`,
  })
}

async function given({ dockerfile }: LocalOptions, context: string | undefined): Promise<Script> {
  if (dockerfile === undefined)
    throw new TareError('DOCKERFILE_MISSING', 'failed to read dockerfile: there is no context to find it in')
  if ('text' in dockerfile) return scriptOf(dockerfile)
  const { path } = dockerfile
  // Relative to the working directory, otherwise to the context: both are common.
  const inContext = context === undefined || isAbsolute(path) ? undefined : join(context, path)
  const real = !existsSync(path) && inContext !== undefined && existsSync(inContext) ? inContext : path
  const text = readFile(real)
  if (text === undefined) {
    throw new TareError('DOCKERFILE_MISSING', `failed to read dockerfile: ${path} does not exist`, {
      remedy: 'The path given with -f is relative to the working directory.',
    })
  }
  return { name: basename(real), text, ignoreFile: namedIgnore(basename(real), readFile(`${real}.dockerignore`)) }
}

function scriptOf({ text, name = 'Dockerfile' }: Extract<LocalDockerfile, { text: unknown }>): Script {
  return { name, text: typeof text === 'string' ? text : decodeName(text) }
}

function namedIgnore(dockerfile: string, text: string | undefined): { name: string; text: string } | undefined {
  return text === undefined ? undefined : { name: `${dockerfile}.dockerignore`, text }
}

function readFile(path: string): string | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat === undefined) return undefined
    if (stat.size > textLimit)
      throw new TareError(
        'DOCKERFILE_UNREADABLE',
        `failed to read ${path}: it is too large for a text file (${stat.size} bytes)`,
      )
    return decodeName(readFileSync(path))
  } catch (error) {
    if (error instanceof TareError) throw error
    const why =
      { EACCES: 'permission denied', EISDIR: 'it is a folder', ENOTDIR: 'no such file' }[systemCode(error) ?? ''] ??
      (error as Error).message
    throw new TareError('DOCKERFILE_UNREADABLE', `failed to read ${relative('.', path) || path}: ${why}`, {
      cause: error,
    })
  }
}

function read(script: Script, steps: Steps): Dockerfile {
  const step = steps.start(`[internal] load build definition from ${script.name}`)
  step.progress('transferring dockerfile', Buffer.byteLength(script.text), undefined, true)
  step.done()
  return parseDockerfile(script.text, script.name)
}

function readIgnore(script: Script, plain: BuildContext, steps: Steps): ReturnType<typeof ignoreOf> | undefined {
  const step = steps.start('[internal] load .dockerignore')
  const text = script.ignoreFile === undefined ? plain.readText('.dockerignore') : undefined
  const file = script.ignoreFile ?? (text === undefined ? undefined : { name: '.dockerignore', text })
  step.progress('transferring context', Buffer.byteLength(file?.text ?? ''), undefined, true)
  step.done()
  return file === undefined ? undefined : ignoreOf(file)
}

function ignoreOf({ name, text }: { readonly name: string; readonly text: string }): {
  readonly of: Ignore
  readonly matcher: IgnoreMatcher
} {
  const matcher = ignoreMatcher(parseIgnore(text, name))
  const of: Ignore = {
    file: name,
    ignored: (path) => matcher.ignored(path),
    mayReinclude: (directory) => matcher.mayReinclude(directory),
    why: (path) => {
      const rule = matcher.ignored(path) ? matcher.why(path) : undefined
      return rule === undefined ? undefined : { line: rule.line, pattern: rule.text }
    },
  }
  return { of, matcher }
}

function emptyContext(): BuildContext {
  return { name: '-', tree: Tree.empty, readText: () => undefined, ignoredBy: () => undefined, close: () => {} }
}
