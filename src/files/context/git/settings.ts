import { devNull } from 'node:os'

export type Environment = Readonly<Record<string, string | undefined>>

/** A setting of git's, as `git config` names it. */
export type Setting = readonly [key: string, value: string]

// What of the user's own settings counts: how to reach a server and who one is there. Filters, hooks, aliases, templates
// and all else would run programs over, or change, what a stranger's repository holds.
const counting = /^(?:credential|http|url|ssh)\.|^core\.(?:sshcommand|askpass|gitproxy)$/i

/** Of what `git config --list -z` prints, the settings that count. */
export function settingsOf(listing: string): Setting[] {
  return listing
    .split('\0')
    .filter((entry) => counting.test(entry))
    .map((entry) => {
      const end = entry.indexOf('\n')
      return end < 0 ? [entry, 'true'] : [entry.slice(0, end), entry.slice(end + 1)]
    })
}

// Of the variables that git listens to, those that speak of servers and of who one is there.
const passing =
  /^GIT_(?:SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|PROXY_COMMAND|SSL_\w+|PROXY_SSL_\w+|HTTP_USER_AGENT|HTTP_PROXY_AUTHMETHOD)$/

/** The user's environment, in which git asks nobody, talks only to servers, and reads no settings but these. */
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
    // Not file, and above all not ext, which runs what stands in the address.
    GIT_ALLOW_PROTOCOL: 'http:https:git:ssh',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: devNull,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TEMPLATE_DIR: '',
    // Errors are read.
    LC_ALL: 'C',
    // Not as arguments: those are for everybody to see, and a setting may be a password.
    GIT_CONFIG_COUNT: String(all.length),
    ...Object.fromEntries(
      all.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  }
}

/** What holds whatever anybody else has set; submodules hear of it too. */
export const held: readonly string[] = [
  `core.hooksPath=${devNull}`,
  `core.attributesFile=${devNull}`,
  'core.fsmonitor=false',
  // Some disks say of every file that it is somebody else's.
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
  // A git before 2.32 reads the user's file all the same.
  'filter.lfs.smudge=',
  'filter.lfs.process=',
  'filter.lfs.required=false',
].flatMap((setting) => ['-c', setting])
