import type { RegularFile } from '../../files/tree/index.ts'
import { type PackageSearch, stated } from './database.ts'
import { type RpmHeader, readRpmHeader } from './rpm-header.ts'
import { readTable } from './sqlite.ts'
import { type RandomBytes, SqliteDamage } from './sqlite-pages.ts'

// The locations of rpm's database: traditional, Fedora and SUSE now, ostree.
const places = ['var/lib/rpm', 'usr/lib/sysimage/rpm', 'usr/share/rpm']
const older = [
  ['Packages.db', 'of the ndb form, which tare does not read'],
  ['Packages', 'a Berkeley database, which tare does not read'],
] as const

/** Finds packages of Fedora, Red Hat, SUSE and derivatives, if their database is SQLite, rpm's format since 4.16. */
export function findRpmPackages(search: PackageSearch): void {
  const seen = new Set<unknown>()
  for (const place of places) {
    const path = `${place}/rpmdb.sqlite`
    const node = search.find(path)
    if (node?.kind === 'file' && !seen.has(node)) readDatabase(search, node, path)
    for (const [name, reason] of older) {
      const other = search.find(`${place}/${name}`)
      if (node === undefined && other?.kind === 'file' && !seen.has(other))
        search.refuse('rpm', `${place}/${name}`, reason)
      seen.add(other)
    }
    seen.add(node)
  }
}

function readDatabase(search: PackageSearch, file: RegularFile, path: string): void {
  const log = search.find(`${path}-wal`)
  try {
    const rows = readTable(
      randomBytes(search, file),
      log?.kind === 'file' && log.size > 0 ? randomBytes(search, log) : undefined,
      'Packages',
    )
    for (const row of rows) {
      const header = row[1] instanceof Buffer ? readRpmHeader(row[1]) : undefined
      if (header === undefined) search.refuse('rpm', path, 'damaged: a package without a header')
      else addPackage(search, header, path)
    }
  } catch (error) {
    if (!(error instanceof SqliteDamage)) throw error
    search.refuse('rpm', path, `damaged: ${error.message}`)
  }
}

function randomBytes(search: PackageSearch, file: RegularFile): RandomBytes {
  return { size: file.size, read: (into, position) => search.bytes(file, into, position) }
}

function addPackage(search: PackageSearch, header: RpmHeader, database: string): void {
  const epoch = header.number('epoch')
  const name = header.text('name')
  const version = `${epoch === undefined ? '' : `${epoch}:`}${header.text('version')}-${header.text('release')}`
  // `bash-5.2.15-3.fc38.src.rpm`: the name ends before the last two dashes.
  const source = /^(.+)-[^-]+-[^-]+\.(?:no)?src\.rpm$/.exec(header.text('sourceRpm'))?.[1]
  const facts = stated({
    arch: header.text('arch'),
    license: header.text('license'),
    source: source === name ? undefined : source,
    size: header.number('longSize') ?? header.number('size'),
    files: search.withFiles ? header.files() : undefined,
  })
  search.add({ type: 'rpm', name, version, database, ...facts })
}
