import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const prefix = 'tare-all-'

/**
 * Gives a run of the tests a temporary folder of its own, with the mark of a folder of unrelated ones (chattr +T): without it, ext4
 * puts them all together and steps over each file that was removed in the last minutes whenever it makes one, which took a third of the
 * time of some tests. On other filesystems nothing changes.
 */
export function setup(): (() => void) | undefined {
  // Each project calls this, the first for all.
  if (basename(tmpdir()).startsWith(prefix)) return undefined
  const folder = mkdtempSync(join(tmpdir(), prefix))
  chmodSync(folder, 0o1777)
  spawnSync('chattr', ['+T', folder], { stdio: 'ignore' })
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = folder
  return () => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    rmSync(folder, { recursive: true, force: true })
  }
}
