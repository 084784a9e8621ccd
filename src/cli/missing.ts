import { commands, groups } from './commands.ts'
import { nearest } from './nearest.ts'

const containers = 'tare keeps no containers; `tare run` runs a command in an image.'
const builders = 'tare has no builder instances to manage; `tare doctor` shows what this machine allows.'
const indexes = 'An index is changed with `tare index create` and `tare index annotate`.'

/** Commands of docker, buildx and others that tare lacks or calls differently. The longest match counts. */
const elsewhere: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      ...['attach', 'container', 'create', 'diff', 'events', 'exec', 'kill', 'logs', 'pause', 'port', 'ps', 'rename'],
      ...['restart', 'rm', 'start', 'stats', 'stop', 'top', 'unpause', 'update', 'wait', 'checkpoint', 'compose'],
    ].map((name) => [name, containers]),
  ),
  ...Object.fromEntries(
    ['config', 'context', 'node', 'plugin', 'secret', 'service', 'stack', 'swarm'].map((name) => [
      name,
      'tare has no daemon and no cluster, and nothing of this kind to manage.',
    ]),
  ),
  bake: 'tare does not read bake files; call `tare build` for each target.',
  commit: 'tare keeps no containers to commit; make the changes in a Dockerfile.',
  info: '`tare doctor` shows what this machine allows, `tare system df` what the store uses, `tare version` the version.',
  manifest: `\`tare image manifest\` shows what a registry has. ${indexes}`,
  'manifest annotate': '`tare index annotate` changes an index in its registry.',
  'manifest create': '`tare index create` creates an index and pushes it.',
  'manifest inspect': '`tare image manifest` shows what a registry has.',
  'manifest push': '`tare index create` creates an index and pushes it.',
  network: 'tare has no networks to manage; RUN and `tare run` use this machine’s network, or none.',
  scout: 'tare does not scan for vulnerabilities.',
  sbom: 'tare does not create SBOMs yet.',
  search: 'tare does not search registries; `tare registry ls` lists the tags of a repository.',
  trust: 'tare does not sign; `tare registry referrers` lists signatures of an image.',
  volume:
    'tare has no volumes to manage; `tare run -v` mounts a folder of this machine, `tare cache ls` lists cache mounts.',
  'image tree': '`tare images` lists images; `tare image manifest --local` shows what an index lists.',
  'system events': containers,
  'system info': '`tare doctor` shows what this machine allows, `tare system df` what the store uses.',
  'system prune': 'tare does not do this in one go; see `tare image --help` and `tare builder --help`.',
  'builder bake': 'tare does not read bake files; call `tare build` for each target.',
  'buildx bake': 'tare does not read bake files; call `tare build` for each target.',
  'buildx create': builders,
  'buildx dap': 'tare has no debug adapter; `tare build --on-error=shell` opens a shell in a failed step.',
  'buildx debug': '`tare build --on-error=shell` opens a shell in a failed step.',
  'buildx dial-stdio': builders,
  'buildx history': 'tare keeps no build history; the output of RUN is in `tare/logs` in the store.',
  'buildx imagetools': `\`tare image manifest\` shows what a registry has. ${indexes}`,
  'buildx imagetools create': '`tare index create` makes an index of images in a registry, `tare copy` copies one.',
  'buildx imagetools inspect': '`tare image manifest` shows what a registry has.',
  'buildx inspect': builders,
  'buildx install': '`tare build` does this already; there is nothing to install.',
  'buildx ls': builders,
  'buildx rm': builders,
  'buildx stop': builders,
  'buildx uninstall': '`tare build` does this already; there is nothing to install.',
  'buildx use': builders,
  'buildx version': '`tare version` shows the version.',
}

/** Returns what to say about an unknown command: its equivalent, that there is none, or what was probably meant. */
export function explainMissing(words: readonly string[]): string | undefined {
  for (let count = Math.min(words.length, 3); count > 0; count--) {
    const name = words.slice(0, count).join(' ')
    if (Object.hasOwn(elsewhere, name)) return elsewhere[name]
  }
  const isGroup = Object.hasOwn(groups, words[0]!)
  const found = nearest(words.slice(0, isGroup ? 2 : 1).join(' '), candidates())
  return found === undefined ? undefined : `Did you mean 'tare ${found}'?`
}

/** Returns the commands to suggest: a typo must not lead to one that deletes something. */
function candidates(): readonly string[] {
  return [...commands.flatMap(({ names, removes }) => (removes ? [] : names)), ...Object.keys(groups)]
}
