// Builds out/tare-linux-x64 and out/tare-linux-arm64: tare and Node in one file each, which needs nothing but glibc, libstdc++
// and libatomic.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildCommandLine } from './command-line.js'
import { fetchNode } from './executable/fetch-node.js'
import { licenses } from './executable/licenses.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const out = join(root, 'out')

if (process.platform !== 'linux') throw new Error('the single executables are built on Linux')
mkdirSync(out, { recursive: true })
const work = mkdtempSync(join(out, 'work-'))
try {
  const bundle = join(work, 'bundle')
  await buildCommandLine({ root, main: 'src/executable/index.ts', folder: bundle, inside: true })
  writeFileSync(join(work, 'main.js'), mainScript())
  const nodes = new Map(['x64', 'arm64'].map((arch) => [arch, fetchNode(arch, join(root, 'node_modules/.cache/tare'))]))
  for (const [arch, node] of nodes) {
    writeFileSync(join(work, 'sea.json'), JSON.stringify(configOf(arch, { node, bundle })))
    // The name of the main script becomes part of the file.
    execFileSync(nodes.get(process.arch), ['--build-sea', 'sea.json'], { cwd: work, stdio: 'inherit' })
  }
  writeFileSync(join(out, 'LICENSES.txt'), licenses(root, nodes.get('x64')))
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** Returns bin/tare.js for a bundle that lies in the file. */
function mainScript() {
  const reads = /(\nfunction readBundled\(name\) \{\n).*?(?=\n\}\n)/s
  const whole = readFileSync(join(root, 'bin/tare.js'), 'utf8').replace(/^#!.*/, '')
  if (!reads.test(whole)) throw new Error('bin/tare.js does not read the bundle where it used to')
  return whole.replace(reads, "$1  return Buffer.from(require('node:sea').getRawAsset(name))")
}

function configOf(arch, { node, bundle }) {
  const files = ['package.json', 'dist/page.html'].map((name) => [name, join(root, name)])
  const modules = readdirSync(bundle, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort()
    .map((path) => [path.slice(bundle.length + 1), path])
  return {
    main: 'main.js',
    executable: node,
    output: join(out, `tare-linux-${arch}`),
    disableExperimentalSEAWarning: true,
    assets: Object.fromEntries([...files, ...modules]),
  }
}
