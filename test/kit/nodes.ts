import { spawnSync } from 'node:child_process'
import { delimiter } from 'node:path'
import { unlessMissing } from './needs.ts'

/** The program of this major version of Node: this process's own, or one of TARE_TEST_NODES; says so where there is none. */
export function nodeOf(major: number): string | undefined {
  const found = programs().find(({ version }) => version.startsWith(`v${major}.`))
  unlessMissing(found !== undefined, `TARE_TEST_NODES names no Node ${major}; CONTRIBUTING.md has how to get one`)
  return found?.path
}

let known: readonly { readonly path: string; readonly version: string }[] | undefined

function programs() {
  const others = (process.env['TARE_TEST_NODES'] ?? '').split(delimiter).filter(Boolean)
  known ??= [process.execPath, ...others].map((path) => {
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
    if (!stdout) throw new Error(`TARE_TEST_NODES names ${path}, which does not run`)
    return { path, version: stdout }
  })
  return known
}
