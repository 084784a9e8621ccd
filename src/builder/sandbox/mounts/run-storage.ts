import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isLocked, makeFolder, type Owners, ownersIn, ProcessFiles, privately } from '../../../disk/index.ts'
import { type Bytes, systemCode, TareError } from '../../../support/index.ts'
import { type Machine, runProgram, thisMachine } from '../machine/index.ts'
import { removeAll } from '../rootfs/index.ts'
import { receiveCaches, sendCaches } from './carry-caches.ts'
import { withoutWaysOut } from './safe-caches.ts'

/** A persistent cache mount. */
export interface StoredCache {
  /** The id in RUN --mount, prefixed by BUILDKIT_CACHE_MOUNT_NS: `/root/.cache`, `app/go`. */
  readonly id: string
  /** 64 hex digits that identify it in the store. */
  readonly key: string
  /** Size on disk in bytes. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly used: number
}

// Folders with unpacked files, which are recreated when needed.
const repeatable = ['unpacked', 'trees', 'mounted'] as const

type FoundCache = Omit<StoredCache, 'size'> & { readonly path: string }

/** What RUN keeps in the store between builds. `folder` is the store's own. Methods reject if the signal is aborted. */
export class RunStorage {
  private readonly folder: string
  private readonly machine: Machine = thisMachine()
  private readonly owners: Owners
  private readonly signal: AbortSignal | undefined

  constructor(folder: string, signal?: AbortSignal) {
    this.folder = folder
    this.signal = signal
    this.owners = ownersIn(join(folder, 'alive'))
  }

  /** Returns this user's caches, or for root everyone's, sorted by id. */
  async caches(): Promise<readonly StoredCache[]> {
    return this.measured(this.found())
  }

  /** Returns the keys of all caches, without measuring these. */
  keys(): ReadonlySet<string> {
    return new Set(this.found().map(({ key }) => key))
  }

  /** Returns the number and size of unpacked layers and filesystems. */
  async unpacked(): Promise<{ readonly count: number; readonly size: number }> {
    const found = repeatable.flatMap((kind) => this.places(kind))
    return { count: found.length, size: (await this.sizes(found)).reduce((sum, size) => sum + size, 0) }
  }

  /** Returns the size of everything that RUN keeps, caches and directories included. */
  async size(): Promise<number> {
    const folders = this.kinds.map((kind) => join(this.folder, kind)).filter(existsSync)
    return (await this.sizes(folders)).reduce((sum, size) => sum + size, 0)
  }

  /** The folders whose size `size` tells. */
  get kinds(): readonly string[] {
    return ['caches', 'running', ...repeatable]
  }

  /** Whether the cache is held by a running step. */
  isHeld(key: string): boolean {
    return this.places('caches').some((path) => path.endsWith(key) && isLocked(join(path, 'lock'), this.owners))
  }

  /** Removes caches last used before that time, except those in use. Returns them. */
  async removeCaches(before: number, keys?: ReadonlySet<string>): Promise<readonly StoredCache[]> {
    const isIdle = this.idleness()
    const doomed = await this.measured(
      this.found().filter((cache) => cache.used < before && keys?.has(cache.key) !== false && isIdle(cache)),
    )
    await removeAll(
      this.machine,
      this.places('caches').filter((path) => doomed.some(({ key }) => path.endsWith(key))),
    )
    return doomed
  }

  /** Removes this user's caches with these ids, in all their variants, except those in use. */
  async emptyCaches(ids: readonly string[]): Promise<void> {
    const isIdle = this.idleness()
    const own = this.own('caches')
    const doomed = listed(own)
      .map((key) => join(own, key))
      .filter((path) => {
        const id = readText(join(path, 'id'))?.split('\0', 1)[0]
        return id !== undefined && ids.includes(id) && isIdle(ofPath(path))
      })
    await removeAll(this.machine, doomed.flatMap(renamed))
  }

  /** Removes unpacked files if no step is running. Returns the bytes freed. */
  async removeUnpacked(): Promise<number> {
    if (this.beginningOfSteps() !== Number.POSITIVE_INFINITY) return 0
    const { size } = await this.unpacked()
    // Under another name first: a build that begins now must not find part of one.
    const doomed = repeatable.flatMap((kind) => this.places(kind)).flatMap(renamed)
    await removeAll(this.machine, doomed)
    return size
  }

  /** Returns one cache as a tar, by its key. */
  sendOne(key: string): Bytes {
    return sendCaches(this.machine, this.own('caches'), [key])
  }

  /** Returns all caches, or those with these ids, as a tar. Throws `CACHE_UNKNOWN`. */
  async send(ids: readonly string[]): Promise<{ readonly caches: readonly StoredCache[]; readonly bytes: Bytes }> {
    const own = this.own('caches')
    const all = (await this.caches()).filter(({ key }) => existsSync(join(own, key)))
    const unknown = ids.find((id) => !all.some((cache) => cache.id === id))
    if (unknown !== undefined)
      throw new TareError('CACHE_UNKNOWN', `there is no cache mount with the id ${JSON.stringify(unknown)}`, {
        remedy: '`tare cache ls` lists them.',
      })
    const caches = ids.length === 0 ? all : all.filter(({ id }) => ids.includes(id))
    const bytes = sendCaches(
      this.machine,
      own,
      caches.map(({ key }) => key),
    )
    return { caches, bytes }
  }

  /** Adds caches from a tar made by `send`, replacing those with the same ids. If it is not `trusted`, what could reach out of them is left out. Throws `CACHE_IN_USE`, `ARCHIVE_INVALID`. */
  async receive(bytes: Bytes, trusted = true): Promise<readonly string[]> {
    const oldest = this.beginningOfSteps()
    const work = new ProcessFiles(this.own('running'), this.owners).make(['caches'])
    const from = join(work, 'caches')
    try {
      const taken = await receiveCaches(this.machine, from, trusted ? bytes : withoutWaysOut(bytes))
      makeFolder(this.own('caches'), privately)
      for (const { key, id } of taken) {
        const place = join(this.own('caches'), key)
        if (this.isHeld(key) || (existsSync(place) && ofPath(place).used >= oldest))
          throw new TareError('CACHE_IN_USE', `the cache mount ${JSON.stringify(shown(id))} is in use by a build`)
        if (existsSync(place)) renameSync(place, join(work, `old-${key}`))
        renameSync(join(from, key), place)
      }
      return taken.map(({ id }) => shown(id))
    } finally {
      await removeAll(this.machine, [work])
    }
  }

  private own(kind: string): string {
    return join(this.folder, kind, this.machine.owner)
  }

  /** Returns the folders of a kind, one per set of IDs that created them. */
  private places(kind: string): string[] {
    return this.folders(kind).flatMap((folder) => listed(folder).map((name) => join(folder, name)))
  }

  private folders(kind: string): string[] {
    const users = this.machine.root ? listed(join(this.folder, kind)) : [this.machine.owner]
    return users.map((user) => join(this.folder, kind, user))
  }

  /** Returns what tells whether a cache is not used by a running step, as far as that can be known. */
  private idleness(): (cache: Pick<FoundCache, 'key' | 'used'>) => boolean {
    const oldest = this.beginningOfSteps()
    return ({ key, used }) => used < oldest && !this.isHeld(key)
  }

  /** Returns when the oldest running step started. */
  private beginningOfSteps(): number {
    const begun = this.folders('running').flatMap((folder) =>
      new ProcessFiles(folder, this.owners).living().map(({ born }) => born),
    )
    // Some disks truncate file times.
    return begun.reduce((oldest, time) => Math.min(oldest, time - 2000), Number.POSITIVE_INFINITY)
  }

  private found(): readonly FoundCache[] {
    return this.places('caches').flatMap((path) => {
      const id = existsSync(join(path, 'data')) ? readText(join(path, 'id')) : undefined
      return id === undefined ? [] : [{ ...{ id: shown(id), path }, ...ofPath(path) }]
    })
  }

  private async measured(caches: readonly FoundCache[]): Promise<readonly StoredCache[]> {
    const sizes = await this.sizes(caches.map(({ path }) => path))
    return caches.map((cache, i) => ({ ...cache, size: sizes[i]! })).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Returns sizes on disk, including files of other IDs. */
  private async sizes(paths: readonly string[]): Promise<number[]> {
    this.signal?.throwIfAborted()
    if (paths.length === 0) return []
    const du = [...this.machine.enter([]), 'du', '-sk', '--', ...paths]
    const { stdout } = await runProgram(du, undefined, this.signal).catch((error) => {
      this.signal?.throwIfAborted()
      throw error
    })
    const found = new Map(
      stdout
        .toString('utf8')
        .split('\n')
        .map((line): [string, number] => {
          const tab = line.indexOf('\t')
          return [line.slice(tab + 1), Number(line.slice(0, tab)) * 1024]
        }),
    )
    return paths.map((path) => found.get(path) ?? 0)
  }
}

/** Renames the folder so that no build finds it, and returns the new path; nothing if a build has just taken it. */
function renamed(path: string): string[] {
  const to = join(dirname(path), `removed-${randomBytes(6).toString('hex')}`)
  try {
    renameSync(path, to)
    return [to]
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? [] : [path]
  }
}

function ofPath(path: string): { readonly key: string; readonly used: number } {
  return { key: path.slice(path.lastIndexOf('/') + 1), used: lstatSync(join(path, 'id')).mtimeMs }
}

/** Returns the id without the `/` after an empty namespace, and without the suffix that distinguishes caches with the same id. */
function shown(id: string): string {
  return (id.startsWith('/') ? id.slice(1) : id).split('\0', 1)[0]!
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
