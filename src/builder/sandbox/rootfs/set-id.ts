import { chmodSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { LayerIndex } from '../../../files/layer/index.ts'
import type { Directory, Node } from '../../../files/tree/index.ts'
import { encodeName, systemPath } from '../../../support/index.ts'
import { type Machine, runProgram } from '../machine/index.ts'

// Nobody else may enter the store. Should somebody get in all the same, no program there has another owner's rights: files are kept
// without these bits, and get them where a step sees them. (moby's CVE-2021-41091)
const bits = 0o6000
// Steps see copies. What is larger than any such program keeps its bits.
const largest = 64 << 20

const known = new WeakMap<Directory, Directory | undefined>()

/** Returns the directory with nothing but its set-user-ID and set-group-ID programs; undefined if it has none. */
export function setIdPrograms(directory: Directory): Directory | undefined {
  if (known.has(directory)) return known.get(directory)
  const children = new Map<string, Node>()
  for (const [name, node] of directory.children) {
    const kept = node.kind === 'directory' ? setIdPrograms(node) : hasBits(node) ? node : undefined
    if (kept !== undefined) children.set(name, kept)
  }
  const found = children.size === 0 ? undefined : { ...directory, children }
  known.set(directory, found)
  return found
}

/** Whether a file of the layer has the bits, except through a hard link to a layer below. */
export function hasSetId(index: LayerIndex): boolean {
  const { table } = index
  if (table === undefined) return index.entries.some(({ kind, mode }) => kind === 'file' && (mode & bits) !== 0)
  return table.columns.mode.some((mode, i) => (mode & bits) !== 0 && table.kind(i) === 'file')
}

/** Takes the bits from the programs in a folder that no step uses now, as far as that works. No link is followed. */
export async function takeBits(programs: Directory | undefined, folder: string, machine: Machine): Promise<void> {
  const files = filesOn(folder, programs).filter(({ mode }) => (mode & bits) !== 0)
  if (machine.root) for (const { path, mode } of files) chmodSync(systemPath(path), mode & ~bits)
  else await change('a-s', files, machine)
}

/** Gives the programs in a folder the bits that were taken from them. No link is followed. Throws if that does not work. */
export async function giveBits(programs: Directory | undefined, folder: string, machine: Machine): Promise<void> {
  const files = filesOn(folder, programs).filter(({ mode, node }) => mode === (node.mode & ~bits))
  if (machine.root) {
    for (const { path, node } of files) chmodSync(systemPath(path), node.mode)
    return
  }
  const having = (bit: number) => files.filter(({ node }) => (node.mode & bit) !== 0)
  const isDone = (await change('u+s', having(0o4000), machine)) && (await change('g+s', having(0o2000), machine))
  if (!isDone) throw new Error(`programs in ${folder} did not get their bits back`)
}

/** Changes modes as root of the machine's namespace: the files may be anybody's. Returns whether that worked. */
async function change(how: string, files: readonly FileOn[], machine: Machine): Promise<boolean> {
  if (files.length === 0) return true
  const paths = Buffer.concat(files.map(({ path }) => encodeName(`${path}\0`)))
  return (await runProgram([...machine.enter([]), 'xargs', '-0', 'chmod', how, '--'], paths)).code === 0
}

interface FileOn {
  readonly path: string
  readonly node: Node
  readonly mode: number
}

function filesOn(folder: string, programs: Directory | undefined): FileOn[] {
  return [...(programs?.children ?? [])].flatMap(([name, node]): FileOn[] => {
    const path = join(folder, name)
    const stat = lstatSync(systemPath(path), { throwIfNoEntry: false })
    if (node.kind === 'directory') return stat?.isDirectory() ? filesOn(path, node) : []
    return node.kind === 'file' && stat?.isFile() ? [{ path, node, mode: stat.mode & 0o7777 }] : []
  })
}

function hasBits(node: Node): boolean {
  return node.kind === 'file' && (node.mode & bits) !== 0 && node.size <= largest
}
