// Builds dist/: the library as plain modules with their types (tsc), and the command line as one bundle, split so that
// each verb loads only what it needs (esbuild).
import { execFileSync } from 'node:child_process'
import { renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
// Made beside dist/ and put in its place when it is whole.
const dist = join(root, 'dist')
const made = join(root, `dist.${process.pid}`)
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

try {
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', made], {
    stdio: 'inherit',
    cwd: root,
  })
  await bundle()
  rmSync(dist, { recursive: true, force: true })
  renameSync(made, dist)
} finally {
  rmSync(made, { recursive: true, force: true })
}

function bundle() {
  return build({
    entryPoints: { main: join(root, 'src/cli/main.ts') },
    outdir: join(made, 'cli'),
    chunkNames: 'parts/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
  })
}
