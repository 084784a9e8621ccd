import type { RegularFile } from '../../files/tree/index.ts'
import { documentLimit, type PackageSearch, sizeFrom, stated } from './database.ts'
import { field, linesOf, readStanzas, type Stanza } from './stanzas.ts'

const folder = 'var/lib/dpkg'

// dpkg keeps stanzas of removed packages.
const gone = new Set(['not-installed', 'config-files'])

/** Finds packages of Debian and derivatives: in one file for all, or one each, as in distroless images. */
export function findDpkgPackages(search: PackageSearch): void {
  const text = search.database('deb', `${folder}/status`)
  if (text !== undefined) for (const stanza of readStanzas(text)) addPackage(search, stanza, `${folder}/status`)
  const parts = search.find(`${folder}/status.d`)
  if (parts?.kind !== 'directory') return
  for (const [name, node] of parts.children) {
    if (node.kind !== 'file' || name.endsWith('.md5sums')) continue
    const path = `${folder}/status.d/${name}`
    const part = search.text(node, documentLimit)
    if (part === undefined) search.refuse('deb', path, 'too large')
    else for (const stanza of readStanzas(part)) addPackage(search, stanza, path)
  }
}

function addPackage(search: PackageSearch, stanza: Stanza, database: string): void {
  const state = field(stanza, 'status').split(/\s+/)[2] ?? ''
  if (gone.has(state)) return
  const name = field(stanza, 'package')
  const arch = field(stanza, 'architecture')
  // `Source: glibc (2.36-9)`, if its version differs.
  const source = field(stanza, 'source').replace(/ .*/s, '')
  const facts = stated({
    arch,
    source: source === name ? '' : source,
    size: sizeFrom(field(stanza, 'installed-size'), 1024),
    license: search.withFiles ? licenseOf(search, name) : '',
    files: search.withFiles ? filesOf(search, name, arch, database) : undefined,
  })
  search.add({ type: 'deb', name, version: field(stanza, 'version'), database, ...facts })
}

function filesOf(search: PackageSearch, name: string, arch: string, database: string): readonly string[] {
  if (!isPlainName(name)) return []
  const list = fileAt(search, `${folder}/info/${name}.list`) ?? fileAt(search, `${folder}/info/${name}:${arch}.list`)
  const sums = list === undefined ? fileAt(search, `${database}.md5sums`) : undefined
  const text = list ?? sums
  const lines = text === undefined ? undefined : search.text(text, documentLimit * 8)
  if (lines === undefined) return []
  const paths = [...linesOf(lines)].map((line) => (list === undefined ? line.slice(34) : line.slice(1)))
  // The list also contains directories, which are shared.
  return paths.filter((path) => path !== '' && path !== '.' && search.tree.get(path)?.kind !== 'directory')
}

/** Returns the licenses in a machine-readable Debian copyright file, in order. */
function licenseOf(search: PackageSearch, name: string): string {
  if (!isPlainName(name)) return ''
  const file = fileAt(search, `usr/share/doc/${name}/copyright`)
  const text = file === undefined ? undefined : search.text(file, documentLimit)
  if (text === undefined || !/^Format(?:-Specification)?:/im.test(text.slice(0, 1000))) return ''
  const names = new Set<string>()
  for (const stanza of readStanzas(text)) {
    const license = field(stanza, 'license').split('\n')[0]!.trim()
    if (license !== '' && license.length < 200 && names.size < 50) names.add(license)
  }
  return [...names].join(' AND ')
}

function isPlainName(name: string): boolean {
  return /^[a-z0-9][a-z0-9+.-]*$/.test(name)
}

function fileAt(search: PackageSearch, path: string): RegularFile | undefined {
  const node = search.find(path)
  return node?.kind === 'file' ? node : undefined
}
