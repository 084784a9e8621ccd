import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFilterLoader } from '../machine/index.ts'
import { compileFilter, filterBytes, type SeccompProfile, seccompProfile } from '../seccomp/index.ts'
import type { Command } from '../step/index.ts'
import { capabilities } from './become.ts'

/** Returns the command's seccomp rules; none if it is to have all rights. */
function systemCallRules({ insecure }: Command): SeccompProfile | undefined {
  return insecure ? undefined : seccompProfile(process.arch, capabilities)
}

let compiled: Buffer | undefined

/** Returns the rules as a program for the kernel; the same for all commands. */
function filterOf(rules: SeccompProfile): Buffer {
  compiled ??= filterBytes(compileFilter(rules))
  return compiled
}

/** Returns the seccomp settings for an OCI runtime. */
export function runtimeRules(command: Command): {
  readonly seccomp?: SeccompProfile
  readonly annotations?: Readonly<Record<string, string>>
} {
  const rules = systemCallRules(command)
  if (rules === undefined) return {}
  // crun accepts the compiled program, and so need not compile the rules in every step, which would take longer than everything
  // else it does. Other runtimes compile the rules. (crun(1), run.oci.seccomp_bpf_data)
  return { seccomp: rules, annotations: { 'run.oci.seccomp_bpf_data': filterOf(rules).toString('base64') } }
}

/** Returns the start of a command line that applies the rules from a file in the folder; empty if nothing here can do so. */
export function underFilter(command: Command, hasSysAdmin: boolean, folder: string): readonly string[] {
  const rules = systemCallRules(command)
  const loader = rules === undefined ? undefined : findFilterLoader(hasSysAdmin)
  if (rules === undefined || loader === undefined) return []
  const file = join(folder, 'seccomp.bpf')
  writeFileSync(file, filterOf(rules), { mode: 0o600 })
  return loader.prefix(file)
}
