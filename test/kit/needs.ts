import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { isRoot } from './cli.ts'

/** Whether the machine has the program; says so where it has not. */
export function hasProgram(program: string, version = '--version'): boolean {
  const { error } = spawnSync(program, [version], { stdio: 'ignore' })
  if (error !== undefined) console.warn(`skipped: there is no ${program} on this machine`)
  return error === undefined
}

/** Whether `there` holds; says why tests are left out where it does not. */
export function unlessMissing(there: boolean, what: string): boolean {
  if (!there) console.warn(`skipped: ${what}`)
  return there
}

let mayMount: boolean | undefined

/** Whether this process may mount filesystems. */
export function canMount(): boolean {
  if (mayMount !== undefined) return mayMount
  const folder = mkdtempSync(join(tmpdir(), 'tare-mount-'))
  mayMount = isRoot && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status === 0
  if (mayMount) spawnSync('umount', [folder])
  rmSync(folder, { recursive: true, force: true })
  if (!mayMount) console.warn('skipped: this process may not mount filesystems')
  return mayMount
}

/** Mounts on a folder until the test has ended. */
export function mountOn(folder: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync('mount', [...args, folder])
  if (status !== 0) throw new Error(`mount: ${stderr}`)
  onTestFinished(() => {
    spawnSync('umount', ['-l', folder])
  })
}
