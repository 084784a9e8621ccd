import type { Directory, Node, RegularFile } from '../../files/tree/index.ts'
import { pathInside } from '../../support/index.ts'
import { directoriesIn, filesEndingWith } from '../filesystem/image-tree.ts'
import { documentLimit, type PackageSearch, stated } from './database.ts'
import { field, linesOf, readStanzas, type Stanza } from './stanzas.ts'

/** Finds packages of Node and Python, which have no database: each has its own folder, anywhere. One walk finds both. */
export function findLanguagePackages(search: PackageSearch): void {
  visit(search, search.tree.root, '')
}

function visit(search: PackageSearch, directory: Directory, prefix: string): void {
  for (const name of filesEndingWith(directory, '.egg-info')) {
    const node = directory.children.get(name)
    if (node?.kind === 'file') addPython(search, node, prefix + name, node, prefix + name)
  }
  for (const [name, node] of directoriesIn(directory)) {
    const path = prefix + name
    if (name === 'node_modules') findNode(search, node, path)
    else if (name.endsWith('.dist-info') || name.endsWith('.egg-info')) {
      const document = name.endsWith('.dist-info') ? 'METADATA' : 'PKG-INFO'
      addPython(search, node.children.get(document), `${path}/${document}`, node, path)
    }
    visit(search, node, `${path}/`)
  }
}

function findNode(search: PackageSearch, directory: Directory, path: string): void {
  for (const [name, node] of directoriesIn(directory)) {
    if (name.startsWith('.')) continue
    if (!name.startsWith('@')) addNode(search, node, `${path}/${name}`)
    else for (const [inner, scoped] of directoriesIn(node)) addNode(search, scoped, `${path}/${name}/${inner}`)
  }
}

function addNode(search: PackageSearch, directory: Directory, path: string): void {
  const file = directory.children.get('package.json')
  if (file?.kind !== 'file') return
  const text = search.text(file, documentLimit)
  const database = `${path}/package.json`
  if (text === undefined) {
    search.refuse('npm', database, 'too large')
    return
  }
  let members: Record<string, unknown>
  try {
    members = Object(JSON.parse(text.replace(/^\ufeff/, '')))
  } catch {
    search.refuse('npm', database, 'not JSON')
    return
  }
  const { name, version } = members
  if (typeof name !== 'string' || typeof version !== 'string') return
  const files = search.withFiles ? [...filesBelow(directory, `${path}/`)] : undefined
  search.add({ type: 'npm', name, version, database, ...stated({ license: nodeLicense(members), files }) })
}

/** `license` is a name, or an object as in npm until 2014; `licenses` is a list of them. */
function nodeLicense(members: Record<string, unknown>): string {
  const nameOf = (value: unknown): string => {
    if (typeof value === 'string') return value
    const type = (value as { type?: unknown } | null | undefined)?.type
    return typeof type === 'string' ? type : ''
  }
  const list = Array.isArray(members['licenses']) ? members['licenses'].map(nameOf).filter((name) => name !== '') : []
  return nameOf(members['license']) || list.join(' OR ')
}

/** Yields the files of a package except those of packages below it. */
function* filesBelow(directory: Directory, prefix: string): Generator<string> {
  const directories = new Map(directoriesIn(directory))
  for (const name of directory.children.keys()) {
    const below = directories.get(name)
    if (below === undefined) yield prefix + name
    else if (name !== 'node_modules') yield* filesBelow(below, `${prefix}${name}/`)
  }
}

function addPython(
  search: PackageSearch,
  file: Node | undefined,
  database: string,
  folder: Directory | RegularFile,
  folderPath: string,
): void {
  if (file?.kind !== 'file') return
  const text = search.text(file, documentLimit)
  if (text === undefined) {
    search.refuse('pypi', database, 'too large')
    return
  }
  // A description follows the first empty line.
  const { value: stanza } = readStanzas(text).next()
  if (stanza === undefined) return
  const files = search.withFiles ? recordedFiles(search, folder, folderPath) : undefined
  const facts = stated({ license: pythonLicense(stanza), files })
  search.add({ type: 'pypi', name: field(stanza, 'name'), version: field(stanza, 'version'), database, ...facts })
}

function pythonLicense(stanza: Stanza): string {
  const license = field(stanza, 'license')
  const classifiers = (stanza.get('classifier') ?? [])
    .filter((text) => text.startsWith('License ::'))
    .map((text) => text.split('::').at(-1)!.trim())
  // Some contain the license's full text.
  const name = license.includes('\n') || license.length > 100 || license === 'UNKNOWN' ? '' : license
  return field(stanza, 'license-expression') || name || classifiers.join(' AND ')
}

/** Returns the paths in RECORD, relative to the parent folder, each followed by a hash and a size. */
function recordedFiles(search: PackageSearch, folder: Directory | RegularFile, path: string): readonly string[] {
  const record = folder.kind === 'directory' ? folder.children.get('RECORD') : undefined
  const text = record?.kind === 'file' ? search.text(record, documentLimit * 4) : undefined
  if (text === undefined) return []
  const base = path.slice(0, path.lastIndexOf('/') + 1)
  const files: string[] = []
  for (const line of linesOf(text)) {
    const name = line.startsWith('"') ? /^"((?:[^"]|"")*)"/.exec(line)?.[1]?.replaceAll('""', '"') : line.split(',')[0]
    if (name === undefined || name === '') continue
    const file = pathInside(name.startsWith('/') ? name : base + name)
    if (file !== undefined) files.push(file)
  }
  return files
}
