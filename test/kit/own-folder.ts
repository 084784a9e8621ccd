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
  const { TMPDIR, NODE_EXTRA_CA_CERTS } = process.env
  // No test talks to others than its own servers, and Node 20 reads these certificates for 80 ms each time it starts.
  setVariables({ TMPDIR: folder, NODE_EXTRA_CA_CERTS: undefined })
  return () => {
    setVariables({ TMPDIR, NODE_EXTRA_CA_CERTS })
    rmSync(folder, { recursive: true, force: true })
  }
}

function setVariables(variables: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(variables))
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
}
