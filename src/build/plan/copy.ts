import { type Add, type Copy, parseChmod } from '../../dockerfile/index.ts'
import { TareError } from '../../support/index.ts'
import { absolutePath, type StageState } from './stage-state.ts'
import type { CopySource, OperationId } from './types.ts'
import type { Words } from './words.ts'

/** What COPY and ADD need of the planner. */
export interface CopyContext {
  readonly words: Words
  /** The operation that the value of --from stands for; undefined: the build context. */
  from(name: string | undefined): Promise<OperationId>
  add(
    operation:
      | { readonly kind: 'files'; readonly files: readonly { readonly name: string; readonly text: string }[] }
      | { readonly kind: 'download'; readonly url: string; readonly checksum?: string; readonly keepGitDir?: boolean },
  ): OperationId
}

/** What a COPY or an ADD does, and how the history tells it. */
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
  checkSources(instruction, paths)
  const sources: CopySource[] = []
  for (const path of paths) sources.push(await sourceOf(path, instruction, context))
  if (instruction.heredocs.length > 0) {
    const files = instruction.heredocs.map((heredoc) => ({
      name: heredoc.name,
      text: words.expandHeredoc(heredoc, state.variables, instruction, state.declared),
    }))
    const from = context.add({ kind: 'files', files })
    sources.push(...files.map(({ name }) => ({ from, path: escapePattern(name), unpack: false })))
  }
  const flags = `${parents ? ' --parents' : ''}${owner ? ` --chown=${owner}` : ''}${mode ? ` --chmod=${mode}` : ''}`
  const shown = [...paths, ...instruction.heredocs.map(({ name }) => `<<${name}`), to]
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

/** The destination, absolute, with its last `/` where it has one or means a directory. */
function destinationOf(state: StageState, to: string): string {
  const path = absolutePath(state.config.WorkingDir || '/', to === '' ? '.' : to)
  const isDirectory = to === '' || to === '.' || to.endsWith('/') || to.endsWith('/.')
  return isDirectory && path !== '/' ? `${path}/` : path
}

function escapePattern(name: string): string {
  return name.replace(/[*?[\\]/g, '[$&]')
}

const url = /^https?:\/\//i
const gitUrl = /^(?:https?:\/\/\S+\.git(?:[#?].*)?|git@\S+|git:\/\/\S+|ssh:\/\/\S+)$/i

function isRemote(path: string): boolean {
  return url.test(path) || gitUrl.test(path)
}

/** Whether an address means a git repository, and not a file. */
export function isGitAddress(address: string): boolean {
  return gitUrl.test(address)
}

/** What a file of the web is called here: the last part of its path, whatever the server says. */
export function downloadName(address: string): string {
  const path = URL.canParse(address) ? new URL(address).pathname : ''
  const last = path.replace(/\/+$/, '').split('/').at(-1) ?? ''
  try {
    const name = decodeURIComponent(last)
    return name === '' || name === '.' || name === '..' || /[/\0]/.test(name) ? '__unnamed__' : name
  } catch {
    return last
  }
}

function checkSources(instruction: Copy | Add, paths: readonly string[]): void {
  const refuse = (message: string, remedy: string) =>
    new TareError('COPY_SOURCE_INVALID', message, { where: instruction.where, remedy })
  for (const path of paths) {
    if (instruction.kind === 'COPY') {
      if (gitUrl.test(path)) throw refuse("source can't be a git ref for COPY", 'Use ADD.')
      if (url.test(path)) throw refuse("source can't be a URL for COPY", 'Use ADD.')
    } else if (!isRemote(path)) {
      if (instruction.checksum !== undefined)
        throw refuse(
          "checksum can't be specified for local sources",
          'Leave --checksum away: what is in the context is what it is.',
        )
      if (instruction.keepGitDir !== undefined)
        throw refuse("keep-git-dir can't be specified for local sources", 'Leave --keep-git-dir away.')
    }
  }
}

async function sourceOf(path: string, instruction: Copy | Add, context: CopyContext): Promise<CopySource> {
  if (instruction.kind === 'ADD' && isRemote(path)) {
    const { checksum, keepGitDir } = instruction
    const from = context.add({
      kind: 'download',
      url: path,
      ...(checksum === undefined ? {} : { checksum }),
      ...(keepGitDir === undefined ? {} : { keepGitDir }),
    })
    // A repository is copied with all that is in it, a file under its name.
    const name = gitUrl.test(path) ? '' : escapePattern(downloadName(path))
    return { from, path: `/${name}`, unpack: instruction.unpack ?? false }
  }
  const from = await context.from(instruction.kind === 'COPY' ? instruction.from : undefined)
  return { from, path, unpack: instruction.kind === 'ADD' && (instruction.unpack ?? true) }
}
