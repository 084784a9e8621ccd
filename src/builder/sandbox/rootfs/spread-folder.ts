import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { makeFolder, privately } from '../../../disk/index.ts'
import { findProgram, plainEnvironment } from '../machine/index.ts'

/**
 * Creates a folder for directories with many files each. In an area of the disk where many files were removed during the last
 * minutes, ext4 looks at each of them for every file it creates, which then takes ten times as long. With this flag it puts
 * directories into areas far from each other. Other disks have no such flag. (chattr(1), `T`; the kernel's ext4, recently_deleted)
 */
export function makeSpreadFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(path, privately)
  const chattr = findProgram('chattr')
  if (chattr !== undefined) spawnSync(chattr, ['+T', path], { env: plainEnvironment, stdio: 'ignore' })
}
