import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Puts programs of this machine, with their libraries, into a folder that becomes a root: `[name, path below it]`. */
export function copyPrograms(root: string, programs: Readonly<Record<string, string>>): void {
  for (const [name, at] of Object.entries(programs)) {
    const program = execFileSync('which', [name], { encoding: 'utf8' }).trim()
    copyTo(program, join(root, at))
    for (const [library] of execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/\/\S+/g))
      copyTo(library, join(root, library))
  }
}

function copyTo(from: string, to: string): void {
  if (existsSync(to)) return
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}
