import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

const prefix = 'tare-all-'
/** Bytes for files in memory: some tests need 2.8e9 for a moment. */
const memory = 4e9

/**
 * Gives a run of the tests temporary folders of its own: one on disk, and one in memory, if root may mount that and there is enough.
 * `on-disk.ts` says which tests use which. The one on disk has the mark of a folder of unrelated ones (chattr +T): without it, ext4
 * puts them all together and steps over each file that was removed in the last minutes whenever it makes one, which took a third of the
 * time of some tests. On other filesystems nothing changes.
 */
export function setup(): (() => void) | undefined {
  // Each project calls this, the first for all.
  if (basename(tmpdir()).startsWith(prefix)) return undefined
  const folder = mkdtempSync(join(tmpdir(), prefix))
  chmodSync(folder, 0o1777)
  spawnSync('chattr', ['+T', folder], { stdio: 'ignore' })
  const fast = join(folder, 'memory')
  mkdirSync(fast)
  // As much again is for processes.
  const isFast = process.env['TARE_TEST_DISK'] === undefined && process.availableMemory() > 2 * memory && mount(fast)
  const { TMPDIR, NODE_EXTRA_CA_CERTS } = process.env
  // No test talks to others than its own servers, and Node 20 reads these certificates for 80 ms each time it starts.
  const folders = { TARE_TEST_FOLDER: folder, TARE_TEST_MEMORY: isFast ? fast : undefined }
  setVariables({ TMPDIR: folder, ...folders, NODE_EXTRA_CA_CERTS: undefined })
  return () => {
    setVariables({ TMPDIR, TARE_TEST_FOLDER: undefined, TARE_TEST_MEMORY: undefined, NODE_EXTRA_CA_CERTS })
    if (isFast) spawnSync('umount', ['-l', fast])
    rmSync(folder, { recursive: true, force: true })
  }
}

function mount(folder: string): boolean {
  const options = ['-t', 'tmpfs', '-o', `size=${memory},mode=1777`, 'tmpfs', folder]
  if (process.getuid?.() !== 0 || spawnSync('mount', options, { stdio: 'ignore' }).status !== 0) return false
  // A run that is killed leaves no memory in use: this process notices by the end of its input.
  const unmount = ['-c', 'read -r end; exec umount -l "$1"', 'sh', folder]
  const other = spawn('sh', unmount, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  other.unref()
  ;(other.stdin as Socket).unref()
  return true
}

function setVariables(variables: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(variables))
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
}
