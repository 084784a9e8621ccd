import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { tryLock } from './cache-lock.ts'

function lockFile(): { readonly folder: string; readonly lock: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tare-lock-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return { folder, lock: join(folder, 'lock') }
}

test('one has the lock at a time, and nothing else is left beside it', () => {
  const { folder, lock } = lockFile()
  const release = tryLock(lock)
  expect(release).toBeDefined()
  expect(tryLock(lock)).toBeUndefined()
  expect(readdirSync(folder)).toEqual(['lock'])
  release!()
  expect(readdirSync(folder)).toEqual([])
  expect(tryLock(lock)).toBeDefined()
})

test.skipIf(process.platform !== 'linux')('the lock of a process that is gone is taken over', () => {
  const { folder, lock } = lockFile()
  const { pid } = spawnSync('true')
  writeFileSync(lock, `${pid}-12345-1`)
  expect(tryLock(lock)).toBeUndefined()
  expect(tryLock(lock)).toBeDefined()
  expect(readdirSync(folder)).toEqual(['lock'])
})
