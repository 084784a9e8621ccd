import { randomBytes } from 'node:crypto'
import {
  constants,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { decodeName, systemCode } from '../../../support/index.ts'
import type { HeldDirectory } from './open-directory.ts'
import type { StagedDirectory } from './staged-tree.ts'

/** How what is staged gets into a folder. */
export interface Placing {
  /** Removes what is in the way, and files that are not staged. */
  readonly deletes: boolean
  /** Throws: `what` is at the path, where something else belongs. */
  readonly refuse: (path: string, what: string) => never
}

/** Checks that everything can be placed, before anything is. */
export function checkPlaces(staged: StagedDirectory, folder: HeldDirectory, placing: Placing, path = ''): void {
  if (placing.deletes) return
  for (const [name, child] of staged.children) {
    const there = lstatSync(folder.at(name), { throwIfNoEntry: false })
    if (there === undefined || there.isSymbolicLink()) continue
    if (child === undefined) {
      if (there.isDirectory() && readdirSync(folder.at(name)).length > 0) placing.refuse(path + name, 'a directory')
    } else if (!there.isDirectory()) placing.refuse(path + name, 'a file')
    else within(folder.enter(name), (inner) => checkPlaces(child, inner, placing, `${path}${name}/`))
  }
}

/**
 * Moves what is staged into the folder: each file by a rename, and a directory that is not there yet as a whole. Directories are
 * held open, and links are replaced rather than followed.
 */
export function placeFiles(
  staged: StagedDirectory,
  from: HeldDirectory,
  to: HeldDirectory,
  placing: Placing,
  keep: ReadonlySet<string> = new Set(),
): void {
  for (const [name, child] of staged.children) {
    if (child === undefined) placeFile(from, to, name, placing)
    else placeDirectory(child, name, from, to, placing)
  }
  if (!placing.deletes) return
  for (const name of readdirSync(to.at(''), 'buffer').map(decodeName))
    if (!keep.has(name) && !staged.children.has(name)) rmSync(to.at(name), { recursive: true, force: true })
}

function placeFile(from: HeldDirectory, to: HeldDirectory, name: string, { deletes }: Placing): void {
  const there = lstatSync(to.at(name), { throwIfNoEntry: false })
  if (there?.isDirectory() === true) {
    if (deletes) rmSync(to.at(name), { recursive: true })
    else rmdirSync(to.at(name))
  }
  move(from, to, name)
}

function placeDirectory(
  staged: StagedDirectory,
  name: string,
  from: HeldDirectory,
  to: HeldDirectory,
  placing: Placing,
): void {
  const there = lstatSync(to.at(name), { throwIfNoEntry: false })
  if (there !== undefined && !there.isDirectory()) {
    // It is a link, or may be deleted: see `checkPlaces`.
    if (!there.isSymbolicLink() && !placing.deletes) placing.refuse(name, 'a file')
    unlinkSync(to.at(name))
  }
  if (there?.isDirectory() !== true) {
    if (tryRename(from, to, name)) {
      closeModes(staged, to, name)
      return
    }
    mkdirSync(to.at(name), 0o700)
  }
  within(to.enter(name), (inner) => {
    within(from.enter(name), (source) => placeFiles(staged, source, inner, placing))
    inner.date(staged.mode, staged.mtime)
  })
}

/** Takes away the permissions that moving needed. */
function closeModes(staged: StagedDirectory, to: HeldDirectory, name: string): void {
  if (!needsClosing(staged)) return
  within(to.enter(name), (inner) => {
    for (const [child, directory] of staged.children) if (directory !== undefined) closeModes(directory, inner, child)
    inner.date(staged.mode, staged.mtime)
  })
}

function needsClosing({ mode, children }: StagedDirectory): boolean {
  if ((mode & 0o700) !== 0o700) return true
  for (const child of children.values()) if (child !== undefined && needsClosing(child)) return true
  return false
}

/** Moves a file over what has its name; over to another disk by a copy beside it. */
function move(from: HeldDirectory, to: HeldDirectory, name: string): void {
  if (tryRename(from, to, name)) return
  const beside = `.${randomBytes(8).toString('hex')}.part`
  try {
    const { mtimeMs, ...stat } = lstatSync(from.at(name))
    if (stat.isSymbolicLink()) symlinkSync(readlinkSync(from.at(name), 'buffer'), to.at(beside))
    else copyFileSync(from.at(name), to.at(beside), constants.COPYFILE_EXCL)
    lutimesSync(to.at(beside), mtimeMs / 1000, mtimeMs / 1000)
    renameSync(to.at(beside), to.at(name))
  } catch (error) {
    rmSync(to.at(beside), { force: true })
    throw error
  }
}

function tryRename(from: HeldDirectory, to: HeldDirectory, name: string): boolean {
  try {
    renameSync(from.at(name), to.at(name))
    return true
  } catch (error) {
    if (systemCode(error) === 'EXDEV') return false
    throw error
  }
}

function within(directory: HeldDirectory, work: (directory: HeldDirectory) => void): void {
  try {
    work(directory)
  } finally {
    directory.close()
  }
}
