import { devNull } from 'node:os'

export type Environment = Readonly<Record<string, string | undefined>>

/** A git setting, as `git config` names it. */
export type Setting = readonly [key: string, value: string]

// The user's settings that apply: how to reach and authenticate to a server. Filters, hooks, aliases, templates and the rest
// could run programs on, or change, the contents of an untrusted repository.
const counting = /^(?:credential|http|url|ssh)\.|^core\.(?:sshcommand|askpass|gitproxy)$/i

/** Returns the settings that apply, from the output of `git config --list -z`. */
export function settingsOf(listing: string): Setting[] {
  return listing
    .split('\0')
    .filter((entry) => counting.test(entry))
    .map((entry) => {
      const end = entry.indexOf('\n')
      return end < 0 ? [entry, 'true'] : [entry.slice(0, end), entry.slice(end + 1)]
    })
}

// The git environment variables that concern servers and authentication.
const passing =
  /^GIT_(?:SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|PROXY_COMMAND|SSL_\w+|PROXY_SSL_\w+|HTTP_USER_AGENT|HTTP_PROXY_AUTHMETHOD)$/

/** Returns the user's environment, changed so that git never prompts, contacts only servers, and reads only these settings. */
export function gitEnvironment(environment: Environment, settings: readonly Setting[]): Record<string, string> {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (!entry[0].startsWith('GIT_') || passing.test(entry[0])),
  )
  const all: readonly Setting[] = [['http.lowSpeedLimit', '1'], ['http.lowSpeedTime', '60'], ...settings]
  const asked = settings.some(([key]) => /^core\.sshcommand$/i.test(key)) || kept.some(([key]) => /^GIT_SSH/.test(key))
  return {
    ...Object.fromEntries(kept),
    ...(asked ? {} : { GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o ConnectTimeout=30' }),
    // Not file, and above all not ext, which runs the command in the URL.
    GIT_ALLOW_PROTOCOL: 'http:https:git:ssh',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: devNull,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TEMPLATE_DIR: '',
    // Error messages are parsed.
    LC_ALL: 'C',
    // Not as arguments, which everyone can see: a setting may be a password.
    GIT_CONFIG_COUNT: String(all.length),
    ...Object.fromEntries(
      all.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  }
}

/** Overrides all other settings; applies to submodules too. */
export const held: readonly string[] = [
  `core.hooksPath=${devNull}`,
  `core.attributesFile=${devNull}`,
  'core.fsmonitor=false',
  // Some disks report every file as owned by someone else.
  'safe.directory=*',
  'core.autocrlf=false',
  'core.logAllRefUpdates=false',
  'credential.interactive=false',
  'fetch.recurseSubmodules=false',
  'submodule.recurse=false',
  'advice.detachedHead=false',
  'init.defaultBranch=main',
  'maintenance.auto=false',
  'gc.auto=0',
  // git before 2.32 reads the user's configuration anyway.
  'filter.lfs.smudge=',
  'filter.lfs.process=',
  'filter.lfs.required=false',
].flatMap((setting) => ['-c', setting])
