import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFilterLoader } from '../machine/index.ts'
import { compileFilter, filterBytes, type SeccompProfile, seccompProfile } from '../seccomp/index.ts'
import type { Command } from '../step/index.ts'
import { capabilities } from './become.ts'

/** The rules that the command is under; none where it is to have every right. */
function systemCallRules({ insecure }: Command): SeccompProfile | undefined {
  return insecure ? undefined : seccompProfile(process.arch, capabilities)
}

let compiled: Buffer | undefined

/** The rules as a program for the kernel, which is the same for all commands. */
function filterOf(rules: SeccompProfile): Buffer {
  compiled ??= filterBytes(compileFilter(rules))
  return compiled
}

/** What an OCI runtime is told of the rules. */
export function runtimeRules(command: Command): {
  readonly seccomp?: SeccompProfile
  readonly annotations?: Readonly<Record<string, string>>
} {
  const rules = systemCallRules(command)
  if (rules === undefined) return {}
  // crun takes the program for the rules, and so need not compile them in every step, which would take longer than all the
  // rest that it does. Other runtimes compile the rules. (crun(1), run.oci.seccomp_bpf_data)
  return { seccomp: rules, annotations: { 'run.oci.seccomp_bpf_data': filterOf(rules).toString('base64') } }
}

/**
 * The beginning of a command line that puts the rules upon what follows, from a file in the folder; empty where nothing here
 * can.
 */
export function underFilter(command: Command, hasSysAdmin: boolean, folder: string): readonly string[] {
  const rules = systemCallRules(command)
  const loader = rules === undefined ? undefined : findFilterLoader(hasSysAdmin)
  if (rules === undefined || loader === undefined) return []
  const file = join(folder, 'seccomp.bpf')
  writeFileSync(file, filterOf(rules), { mode: 0o600 })
  return loader.prefix(file)
}
