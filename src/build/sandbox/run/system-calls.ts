import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFilterLoader } from '../machine/index.ts'
import { compileFilter, filterBytes, type SeccompProfile, seccompProfile } from '../seccomp/index.ts'
import type { Command } from '../step/index.ts'
import { capabilities } from './become.ts'

/** The rules that the command is under; none where it is to have every right. */
export function systemCallRules({ insecure }: Command): SeccompProfile | undefined {
  return insecure ? undefined : seccompProfile(process.arch, capabilities)
}

let compiled: Buffer | undefined

/**
 * The beginning of a command line that puts the rules upon what follows, from a file in the folder; empty where nothing here
 * can.
 */
export function underFilter(command: Command, hasSysAdmin: boolean, folder: string): readonly string[] {
  const rules = systemCallRules(command)
  const loader = rules === undefined ? undefined : findFilterLoader(hasSysAdmin)
  if (rules === undefined || loader === undefined) return []
  compiled ??= filterBytes(compileFilter(rules))
  const file = join(folder, 'seccomp.bpf')
  writeFileSync(file, compiled, { mode: 0o600 })
  return loader.prefix(file)
}
