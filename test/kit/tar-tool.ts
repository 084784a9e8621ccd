import { execFileSync } from 'node:child_process'

/** The names in an archive, as the system's tar lists them. */
export function tarList(file: string): readonly string[] {
  return execFileSync('tar', ['-tf', file], { encoding: 'utf8' }).trim().split('\n')
}

/** One file of an archive, as the system's tar extracts it. */
export function tarText(folder: string, file: string, member: string): string {
  return execFileSync('tar', ['-xOf', file, member], { cwd: folder, encoding: 'utf8' })
}
