import { type PackageSearch, sizeFrom, stated } from './database.ts'
import { linesOf } from './stanzas.ts'

const places = ['lib/apk/db/installed', 'usr/lib/apk/db/installed']

/**
 * Finds packages of Alpine: lines with a letter, a colon and a value, separated by empty lines. (apk-tools, installed database)
 */
export function findApkPackages(search: PackageSearch): void {
  const seen = new Set<unknown>()
  for (const path of places) {
    const node = search.find(path)
    if (node === undefined || seen.has(node)) continue
    seen.add(node)
    const text = search.database('apk', path)
    if (text !== undefined) readInstalled(search, text, path)
  }
}

function readInstalled(search: PackageSearch, text: string, path: string): void {
  let fields = new Map<string, string>()
  let files: string[] = []
  let folder = ''
  const end = () => {
    const name = fields.get('P') ?? ''
    const origin = fields.get('o')
    const facts = stated({
      arch: fields.get('A'),
      license: fields.get('L'),
      source: origin === name ? undefined : origin,
      size: sizeFrom(fields.get('I')),
      files: search.withFiles ? files : undefined,
    })
    search.add({ type: 'apk', name, version: fields.get('V') ?? '', database: path, ...facts })
    fields = new Map()
    files = []
    folder = ''
  }
  for (const line of linesOf(text)) {
    if (line === '') end()
    else if (line[1] !== ':') continue
    else if (line[0] === 'F') folder = line.slice(2)
    else if (line[0] !== 'R') fields.set(line[0]!, line.slice(2))
    else if (search.withFiles) files.push(folder === '' ? line.slice(2) : `${folder}/${line.slice(2)}`)
  }
  if (fields.size > 0) end()
}
