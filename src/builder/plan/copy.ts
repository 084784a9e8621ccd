import {
  type Add,
  type Copy,
  cleanPath,
  findings,
  hasWildcard,
  type IgnoreMatcher,
  isGitAddress,
  parseChmod,
} from '../../dockerfile/index.ts'
import { TareError, withoutCredentials } from '../../support/index.ts'
import { downloadName, isRemote, type RemoteOperation, remoteOperation } from './remote-source.ts'
import { absolutePath, type StageState } from './stage-state.ts'
import type { CopySource, OperationId } from './types.ts'
import type { WordExpander } from './word-expander.ts'

/** What COPY and ADD need from the planner. */
export interface CopyContext {
  readonly words: WordExpander
  /** Returns the operation for the value of --from; undefined means the build context. */
  from(name: string | undefined): Promise<OperationId>
  add(
    operation:
      | { readonly kind: 'files'; readonly files: readonly { readonly name: string; readonly text: string }[] }
      | RemoteOperation,
  ): OperationId
  /** What the build context excludes. */
  readonly ignore?: IgnoreMatcher | undefined
}

/** What a COPY or ADD does, and its line in the history. */
export interface PlannedCopy {
  readonly sources: readonly CopySource[]
  readonly to: string
  readonly owner?: string
  readonly mode?: string
  readonly link: boolean
  readonly parents: boolean
  readonly exclude: readonly string[]
  readonly createdBy: string
}

export async function planCopy(state: StageState, instruction: Copy | Add, context: CopyContext): Promise<PlannedCopy> {
  const { words } = context
  const expand = (word: string) => words.expand(word, state.variables, instruction, state.declared)
  const paths = instruction.sources.map(expand)
  const to = expand(instruction.to)
  const owner = instruction.chown === undefined ? undefined : expand(instruction.chown)
  const mode = instruction.chmod === undefined ? undefined : expand(instruction.chmod)
  if (mode) words.located(instruction, () => parseChmod(mode))
  const parents = instruction.kind === 'COPY' && instruction.parents
  const sum =
    instruction.kind === 'ADD' && instruction.checksum !== undefined ? expand(instruction.checksum) : undefined
  const checksum = sum === '' ? undefined : sum
  checkSources(instruction, paths, checksum)
  for (const path of paths) warnOfIgnored(path, instruction, context)
  const sources: CopySource[] = []
  for (const path of paths) sources.push(await sourceOf(path, checksum, instruction, context))
  if (instruction.heredocs.length > 0) {
    const files = instruction.heredocs.map((heredoc) => ({
      name: fileNameOf(heredoc.name, instruction),
      text: words.expandHeredoc(heredoc, state.variables, instruction, state.declared),
    }))
    const from = context.add({ kind: 'files', files })
    for (const { name } of files) sources.push({ from, path: escapePattern(name), unpack: false })
  }
  const flags = `${parents ? ' --parents' : ''}${owner ? ` --chown=${owner}` : ''}${mode ? ` --chmod=${mode}` : ''}`
  const shown = [...paths.map(withoutCredentials), ...instruction.heredocs.map(({ name }) => `<<${name}`), to]
  return {
    sources,
    to: destinationOf(state, to),
    ...(owner === undefined || owner === '' ? {} : { owner }),
    ...(mode === undefined || mode === '' ? {} : { mode }),
    link: instruction.link && mode === undefined,
    parents,
    exclude: instruction.exclude,
    createdBy: `${instruction.kind}${flags} ${shown.join(' ')} # buildkit`,
  }
}

/** Returns the absolute destination, ending in `/` if it was written so or must be a directory. */
function destinationOf(state: StageState, to: string): string {
  const path = absolutePath(state.config.WorkingDir || '/', to === '' ? '.' : to)
  const isDirectory = to === '' || to === '.' || to.endsWith('/') || to.endsWith('/.')
  return isDirectory && path !== '/' ? `${path}/` : path
}

/** Returns the name of a heredoc's file: it lies in a directory of its own, whatever leads there. */
function fileNameOf(heredoc: string, { kind, where }: Copy | Add): string {
  const name = cleanPath(`/${heredoc}`).slice(1)
  if (name !== '' && !name.includes('/')) return name
  throw new TareError('DOCKERFILE_HEREDOC', `a heredoc of ${kind} cannot be named ${JSON.stringify(heredoc)}`, {
    where,
    remedy: 'It becomes a file of that name: write <<NAME.',
  })
}

/** Returns the source that means this name alone. Only in a pattern does a backslash escape. */
function escapePattern(name: string): string {
  if (!hasWildcard(name)) return name
  return name.replace(/[*?[\\]/g, (character) => (character === '\\' ? '\\\\' : `[${character}]`))
}

function checkSources(instruction: Copy | Add, paths: readonly string[], checksum: string | undefined): void {
  const refuse = (message: string, remedy: string) =>
    new TareError('COPY_SOURCE_INVALID', message, { where: instruction.where, remedy })
  if (checksum !== undefined && paths.length + instruction.heredocs.length > 1)
    throw refuse("checksum can't be specified for multiple sources", 'Use a separate ADD for each.')
  for (const path of paths) {
    if (instruction.kind === 'COPY') {
      if (isGitAddress(path)) throw refuse("source can't be a git ref for COPY", 'Use ADD.')
      if (isRemote(path)) throw refuse("source can't be a URL for COPY", 'Use ADD.')
    } else if (!isRemote(path)) {
      if (checksum !== undefined)
        throw refuse(
          "checksum can't be specified for local sources",
          'Drop --checksum: files of the context have no checksum to compare with.',
        )
      if (instruction.keepGitDir !== undefined)
        throw refuse("keep-git-dir can't be specified for local sources", 'Drop --keep-git-dir.')
    }
  }
}

/** Warns of a source that the ignore file excludes; if that file has exceptions, only the files themselves could tell. */
function warnOfIgnored(path: string, instruction: Copy | Add, { words, ignore }: CopyContext): void {
  if (ignore === undefined || ignore.hasNegations || isRemote(path)) return
  if (instruction.kind === 'COPY' && instruction.from !== undefined) return
  const source = cleanPath(path)
  const isRoot = source === '.' || source === '/'
  if (isRoot ? !ignore.ignored('x') || !ignore.ignored('.x') : !ignore.ignored(source)) return
  words.warn(findings.copyIgnoredFile(instruction.kind === 'COPY' ? 'Copy' : 'Add', source), instruction)
}

async function sourceOf(
  path: string,
  checksum: string | undefined,
  instruction: Copy | Add,
  context: CopyContext,
): Promise<CopySource> {
  if (instruction.kind === 'ADD' && isRemote(path)) {
    const operation = remoteOperation(path, checksum, instruction)
    // Everything in a repository is copied, a file under its own name.
    const name = operation.kind === 'git' ? '' : escapePattern(downloadName(path))
    return { from: context.add(operation), path: `/${name}`, unpack: instruction.unpack ?? false }
  }
  const from = await context.from(instruction.kind === 'COPY' ? instruction.from : undefined)
  return { from, path, unpack: instruction.kind === 'ADD' && (instruction.unpack ?? true) }
}

/** Returns what progress says of fetching or making a source. */
export function titleOfSource(operation: Parameters<CopyContext['add']>[0]): string {
  switch (operation.kind) {
    case 'files':
      return '[internal] files of the Dockerfile'
    case 'download':
      return `[internal] fetch ${withoutCredentials(operation.url)}`
    case 'git': {
      const { remote, ref, subdir } = operation.source
      const part = `${ref ?? ''}${subdir === undefined ? '' : `:${subdir}`}`
      return `[internal] load git source ${withoutCredentials(remote)}${part === '' ? '' : `#${part}`}`
    }
  }
}
