import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { TareError } from '../../../support/index.ts'
import { quoted, read } from '../machine/index.ts'
import type { TableLine } from './mount-table.ts'
import type { StepFacts } from './namespace-script.ts'
import { secretLines, secretsFolder } from './namespace-script.ts'

/** Returns the path of the runtime's log. */
function runtimeLog(bundle: string): string {
  return `${bundle}/runtime.log`
}

/** Returns a container's name, from its folder: runc names the cgroup after it, and rejects one that is in use. */
export function containerName(folder: string): string {
  return `tare-${basename(folder)}`
}

export function isCrun(runtime: string): boolean {
  return basename(runtime) === 'crun'
}

const hybrid = '/sys/fs/cgroup/unified'

/** crun rejects machines with both kinds of cgroups, even if it is told to leave them alone: so the new one is hidden. */
export function ociTable(runtime: string, folder: string): readonly TableLine[] {
  return isCrun(runtime) && existsSync(hybrid)
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
  const crun = isCrun(runtime)
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

/** Returns the exit code, unless it comes from a runtime that could not start the command: then throws `SANDBOX_FAILED`. */
export function checkExit(runtime: string | undefined, folder: string, code: number): number {
  const text = code === 0 || runtime === undefined ? '' : read(runtimeLog(folder))
  // In a user namespace runc cannot remove cgroups that it could not create.
  const error = text
    .split('\n')
    .findLast((line) => /error/i.test(line) && !/level=warning|cgroup|remove paths/i.test(line))
  if (error === undefined) return code
  const message = /msg="((?:[^"\\]|\\.)*)"/.exec(error)?.[1]?.replace(/\\(.)/g, '$1') ?? error
  throw new TareError('SANDBOX_FAILED', `${runtime} could not run the step: ${message}`, {
    remedy: /exec format error/i.test(message)
      ? 'The program is for another architecture, or a script without #! in its first line.'
      : 'Try --isolation=namespace; `tare doctor` says what this machine allows.',
  })
}
