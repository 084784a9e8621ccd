import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { quoted } from '../machine/index.ts'
import type { TableLine } from './mount-table.ts'
import type { StepFacts } from './namespace-script.ts'
import { secretLines, secretsFolder } from './namespace-script.ts'

/** Returns the path of the runtime's log. */
export function runtimeLog(bundle: string): string {
  return `${bundle}/runtime.log`
}

/** Returns a container's name, from its folder: runc names the cgroup after it, and rejects one that is in use. */
export function containerName(folder: string): string {
  return `tare-${basename(folder)}`
}

const hybrid = '/sys/fs/cgroup/unified'

/** crun rejects machines with both kinds of cgroups, even if it is told to leave them alone: so the new one is hidden. */
export function ociTable(runtime: string, folder: string): readonly TableLine[] {
  return basename(runtime) === 'crun' && existsSync(hybrid)
    ? [{ source: `${folder}/empty`, at: hybrid, type: 'none', options: 'bind' }]
    : []
}

/**
 * Returns the script that hands a step to an OCI runtime, as the first process of our own PID namespace, so that nothing outlives
 * us. Cgroups are left alone: in a user namespace they are not ours, and newer runtimes reject old layouts.
 */
export function ociScript(
  facts: StepFacts,
  runtime: string,
  {
    folder: own,
    bundle,
    lines,
  }: { readonly folder: string; readonly bundle: string; readonly lines: readonly string[] },
): string {
  const crun = basename(runtime) === 'crun'
  // The runtime's own messages are not the command's output. crun treats text before a colon as a kind of log.
  const flags = ['--log', `${crun ? 'file:' : ''}${runtimeLog(own)}`, ...(crun ? ['--cgroup-manager=disabled'] : [])]
  const folder = secretsFolder(facts.root)
  return [
    'set -u',
    'umask 022',
    ...secretLines(facts.prepared, facts.root, lines.length > 0),
    ...lines,
    ...(facts.prepared.secrets.length === 0 ? [] : [`chmod 711 ${quoted(folder)}`]),
    ...(facts.userNamespace && !facts.command.insecure
      ? ['echo 0 2>/dev/null > /proc/sys/user/max_user_namespaces || :']
      : []),
    'echo ready',
    `exec ${[runtime, ...flags, '--root', `${own}/state`, 'run', '--bundle', bundle, containerName(own)].map(quoted).join(' ')} <&5 >&8 2>&9 3>&- 4<&- 5<&- 8>&- 9>&-`,
    '',
  ].join('\n')
}
