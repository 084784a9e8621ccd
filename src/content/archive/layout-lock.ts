import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode, TareError } from '../../support/index.ts'

const patienceInMs = 10_000
export const layoutLock = '.index.json.lock'
// The lock is held while one small file is written.
const staleInMs = 5_000

/** Does `work` while no other process of ours changes the layout's index.json. Other tools have no lock to share. */
export async function withLayoutLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, layoutLock)
  await mkdir(folder, { recursive: true })
  for (const start = Date.now(); !(await take(path)); await pause()) {
    if (Date.now() - start > patienceInMs)
      throw new TareError('ARCHIVE_UNWRITABLE', `another process has held ${path} for ${patienceInMs / 1000} seconds`, {
        remedy: 'If none is running, remove that file.',
      })
  }
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
  const found = await stat(path).catch(() => undefined)
  const holder = await readFile(path, 'utf8').catch(() => '')
  // A killed process's; nobody living keeps it that long.
  if (found !== undefined && Date.now() - found.mtimeMs > staleInMs && holder !== String(process.pid))
    await rm(path, { force: true })
  return false
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 8))
}
