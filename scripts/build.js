// Builds dist/: the library as plain modules with its types in one file (tsc), and the command line split so that each verb loads
// only what it needs (esbuild), and the page that shows images as one document (vite).
import { execFileSync } from 'node:child_process'
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildCommandLine } from './command-line.js'
import { buildPage } from './page.js'
import { rollUpTypes } from './roll-up-types.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
// Built next to dist/ and moved into place when complete.
const dist = join(root, 'dist')
const made = join(root, `dist.${process.pid}`)
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

try {
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', made], {
    stdio: 'inherit',
    cwd: root,
  })
  const types = rollUpTypes(join(made, 'index.d.ts'))
  for (const file of readdirSync(made, { recursive: true })) if (file.endsWith('.d.ts')) rmSync(join(made, file))
  writeFileSync(join(made, 'index.d.ts'), types)
  await buildCommandLine({
    root,
    main: 'src/cli/index.ts',
    folder: join(made, 'cli'),
  })
  writeFileSync(join(made, 'page.html'), await buildPage(root))
  rmSync(dist, { recursive: true, force: true })
  renameSync(made, dist)
} finally {
  rmSync(made, { recursive: true, force: true })
}
