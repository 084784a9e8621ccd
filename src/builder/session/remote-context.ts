import { createReadStream, readFileSync, rmSync } from 'node:fs'
import type { BuildOptions } from '../../api/index.ts'
import { isGitContext, readGitAddress } from '../../dockerfile/values/index.ts'
import { type BuildContext, openStream, textLimit, treeContext } from '../../files/context/index.ts'
import { type Host, unpackLimit } from '../../images/index.ts'
import { decodeName, messageOf, type Step, type Steps, TareError, withoutCredentials } from '../../support/index.ts'
import { downloadName, type EpochSource } from '../plan/index.ts'
import { type Downloaded, treeOfDownload } from '../solve/index.ts'
import type { Agents } from './agents.ts'
import { download } from './download.ts'
import { GitSources } from './git-sources.ts'
import type { Materials } from './materials.ts'
import type { ReadSecret } from './secrets.ts'

/** What a build's contexts are opened with. */
export interface ContextTools {
  readonly steps: Steps
  readonly signal: AbortSignal
  readonly secrets: readonly ReadSecret[]
  readonly agents: Agents
  readonly materials: Materials
}

/** A remote context: files, or only a Dockerfile, which is then its one file. */
export interface RemoteContext {
  readonly context: BuildContext
  readonly text?: string
}

type RemoteSource = Exclude<EpochSource, { readonly kind: 'context' }>

const web = /^https?:\/\//i

/** Fetches remote contexts and keeps them while the build runs. */
export class RemoteContexts {
  readonly git: GitSources
  private readonly host: Host
  private readonly options: BuildOptions
  private readonly signal: AbortSignal
  private readonly steps: Steps
  private readonly materials: Materials

  constructor(host: Host, options: BuildOptions, tools: ContextTools) {
    const { steps, signal, secrets, agents, materials } = tools
    this.host = host
    this.options = options
    this.signal = signal
    this.steps = steps
    const secret = (name: string) => secrets.findLast(({ id }) => id === name)?.bytes
    this.materials = materials
    this.git = new GitSources(host, { secret, agent: () => agents.socket('default'), signal, materials })
  }

  /** Opens the build's own context. Throws `CONTEXT_INVALID` for an unsupported address, and the errors of fetching. */
  async open(address: string, folder?: string): Promise<RemoteContext> {
    if (isGitContext(address)) {
      if (folder !== undefined)
        throw new TareError('CONTEXT_INVALID', `${withoutCredentials(address)} is a git repository, not an archive`, {
          remedy: 'Its address says the folder: #REF:FOLDER.',
        })
      return { context: await this.checkedOut(address, withoutCredentials(address)) }
    }
    if (!web.test(address))
      throw new TareError('CONTEXT_INVALID', `${withoutCredentials(address)} is not a supported build context`, {
        remedy: 'Use a git repository, or the URL (http or https) of a tar archive or a Dockerfile.',
      })
    const name = withoutCredentials(address)
    const file = await this.fetched(address, '[internal] load remote build context')
    const scratch = () => this.host.store.reserve().path
    const { signal } = this
    try {
      const options = { name, scratch, unpackLimit: unpackLimit(this.host), folder, signal }
      const opened = await openStream(createReadStream(file.path), options)
      if (!('text' in opened)) return { context: { ...opened, madeAt: () => this.timeOf(file) } }
      if (/^\s*<(?:!doctype|html)/i.test(opened.text))
        throw new TareError('CONTEXT_INVALID', `${name} is a web page, not a Dockerfile`, {
          remedy: `If it shows a git repository, use its address ending in .git: ${name.replace(/\/*(?:[?#].*)?$/, '')}.git`,
        })
      const context = treeContext(name, treeOfDownload('context', file), { madeAt: () => this.timeOf(file) })
      return { context, text: opened.text }
    } catch (error) {
      throw this.host.store.explain(error)
    }
  }

  /** Opens a named context: the files of a commit, or the file at a URL as it is. */
  async openNamed(address: string, name: string): Promise<BuildContext> {
    const title = `[context ${name}] ${withoutCredentials(address)}`
    if (isGitContext(address)) return this.checkedOut(address, name, title)
    const file = await this.fetched(address, title)
    return treeContext(name, treeOfDownload(downloadName(address), file), { madeAt: () => this.timeOf(file) })
  }

  /** Downloads a Dockerfile. Throws `DOCKERFILE_UNREADABLE` if it is too large. */
  async text(url: string): Promise<string> {
    const shown = withoutCredentials(url)
    if (!web.test(url) || !URL.canParse(url))
      throw new TareError('DOCKERFILE_UNREADABLE', `${shown} is not an address of a Dockerfile`, {
        remedy: 'It must start with http:// or https://.',
      })
    const { path, size } = await this.fetched(url, `[internal] fetch ${shown}`)
    if (size > textLimit)
      throw new TareError('DOCKERFILE_UNREADABLE', `${shown} is too large for a Dockerfile (${size} bytes)`)
    return decodeName(readFileSync(path))
  }

  /** Returns when a remote source was made; undefined if unknown. */
  timeOfSource(source: RemoteSource): Promise<number | undefined> {
    const title = '[internal] resolve SOURCE_DATE_EPOCH'
    return this.told(title, async (step) => {
      if (source.kind === 'git') return (await this.git.find(source.source, step)).committed(step)
      return this.timeOf(await download(this.host, source, this.signal))
    })
  }

  /** Uses the server's date, otherwise the newest file of an archive. */
  private async timeOf({ path, modified }: Downloaded): Promise<number | undefined> {
    if (modified !== 0) return modified
    const scratch = () => this.host.store.reserve().path
    const options = { name: path, scratch, unpackLimit: unpackLimit(this.host), signal: this.signal }
    const opened = await openStream(createReadStream(path), options).catch(() => undefined)
    if (opened === undefined || 'text' in opened) return undefined
    try {
      return await opened.madeAt?.()
    } finally {
      opened.close()
    }
  }

  close(): void {
    this.git.close((path) => rmSync(path, { recursive: true, force: true }))
  }

  private checkedOut(
    address: string,
    name: string,
    title = `[internal] load git source ${name}`,
  ): Promise<BuildContext> {
    return this.told(title, async (step) => {
      const source = readGitAddress(address)
      const keepGitDir = source.keepGitDir ?? keepsGitDir(this.options)
      const files = await this.git.find({ ...source, keepGitDir }, step, address)
      const tree = await files.fetch(step)
      return treeContext(name, tree, { timed: true, madeAt: () => files.committed(step) })
    })
  }

  private fetched(url: string, title: string): Promise<Downloaded> {
    return this.told(title, async (step) => {
      const file = await download(this.host, { url }, this.signal)
      this.materials.addFile(url, file.digest, true)
      step.progress('downloading', file.size, file.size, true)
      return file
    })
  }

  private async told<T>(title: string, work: (step: Step) => Promise<T>): Promise<T> {
    const step = this.steps.start(title)
    try {
      const result = await work(step)
      step.done()
      return result
    } catch (error) {
      if (this.signal.aborted) step.canceled()
      else step.failed(messageOf(error))
      throw error
    }
  }
}

/** Whether BUILDKIT_CONTEXT_KEEP_GIT_DIR is set. */
function keepsGitDir({ buildArgs = {}, environment = {} }: BuildOptions): boolean {
  const name = 'BUILDKIT_CONTEXT_KEEP_GIT_DIR'
  const said = name in buildArgs ? (buildArgs[name] ?? environment[name]) : undefined
  return /^(?:1|t|true)$/i.test(said ?? '')
}
