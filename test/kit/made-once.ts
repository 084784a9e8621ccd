import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder that is filled by the first file of a run of the tests that needs it, and goes with the run. Nobody may write into it. */
export function madeOnce(name: string, fill: (folder: string) => void): string {
  const folder = join(tmpdir(), `made-${name.replace(/\W+/g, '-')}`)
  if (existsSync(folder)) return folder
  const draft = mkdtempSync(join(tmpdir(), 'tare-made-'))
  try {
    fill(draft)
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    // Two files at the same time: the other one was faster.
    if (!existsSync(folder)) throw error
  }
  return folder
}
