import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Returns the licenses of everything in the single executable: tare, the packages it depends on, and Node with what is in it. */
export function licenses(root, node) {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const folders = [
    ['tare', root],
    ...Object.keys(dependencies).map((name) => [name, join(root, 'node_modules', name)]),
    ['Node.js', dirname(dirname(node))],
  ]
  return folders.map(([name, folder]) => `${name}\n${'='.repeat(name.length)}\n\n${licenseIn(folder)}\n`).join('\n')
}

function licenseIn(folder) {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  if (file !== undefined) return readFileSync(join(folder, file), 'utf8')
  const { license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return `${license}, ${author?.name ?? author ?? 'its authors'}\n`
}
