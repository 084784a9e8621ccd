import type { Flag, FlagTable } from '../../flags.ts'
import { loginFlags } from '../registry/login-flags.ts'

const noContainer = 'tare run runs a command once and keeps no container.'
const itsNetwork = 'The command uses this machine’s network, or none: --network=host or --network=none.'
const noLimits = 'The only limits tare run can set are --ulimit and --shm-size.'
const itsWalls = '--isolation controls how the command is isolated; see docs/run.md.'
const noDevices = 'The command has no access to this machine’s devices.'
const noHealth = 'tare run does not run health checks.'

/** Flags of `docker run` that `tare run` rejects by name, with the reason. */
function refused(why: string, type: Flag['type'], names: readonly string[]): FlagTable {
  return Object.fromEntries(
    names.map((text) => {
      const [name = '', short] = text.split(' ')
      return [name, { type, help: '', hidden: true, refused: why, ...(short === undefined ? {} : { short }) }]
    }),
  )
}

/** Flags of `docker run` that have no effect here. */
const taken = {
  'disable-content-trust': { type: 'bool', help: 'Skip image verification', hidden: true, default: true },
  'no-healthcheck': { type: 'bool', help: 'Disable any HEALTHCHECK', hidden: true },
  rm: { type: 'bool', help: 'Nothing is kept anyway', hidden: true, default: true },
  'sig-proxy': { type: 'bool', help: 'Signals are always forwarded', hidden: true, default: true },
} as const satisfies FlagTable

export const runFlags = {
  ...loginFlags,
  'add-host': { type: 'strings', placeholder: 'list', help: 'Add a custom host-to-IP mapping ("host:ip")' },
  entrypoint: { type: 'string', help: 'Overwrite the default ENTRYPOINT of the image' },
  env: { type: 'list', short: 'e', help: 'Set environment variables' },
  'env-file': { type: 'list', placeholder: 'file', help: 'Read environment variables from a file' },
  init: { type: 'bool', help: 'Ignored: no init process is added' },
  interactive: { type: 'bool', short: 'i', help: 'Keep standard input open' },
  isolation: { type: 'string', help: 'Sandbox: "auto", "oci", "namespace", "chroot"' },
  mount: {
    type: 'list',
    placeholder: 'mount',
    help: 'Mount a directory, a file or memory: "type=bind,src=PATH,dst=PATH[,readonly]", "type=tmpfs,dst=PATH"',
  },
  net: { type: 'string', help: 'The same as --network', hidden: true },
  name: { type: 'string', help: 'Ignored: there is no container to name' },
  network: { type: 'string', help: 'Network: "host" (this machine\'s) or "none"', default: 'host' },
  platform: { type: 'string', help: 'Run the image for this platform' },
  pull: { type: 'string', help: 'Pull the image before running ("always", "missing", "never")', default: 'missing' },
  quiet: { type: 'bool', short: 'q', help: 'Suppress the pull output' },
  'read-only': { type: 'bool', help: 'Mount the root filesystem read-only' },
  'shm-size': { type: 'bytes', help: 'Size of /dev/shm' },
  tmpfs: { type: 'list', placeholder: 'list', help: 'Mount a directory in memory: "PATH[:size=64m]"' },
  tty: { type: 'bool', short: 't', help: 'Allocate a pseudo-TTY' },
  ulimit: { type: 'list', placeholder: 'ulimit', help: 'Ulimit options (format: "nofile=1024[:2048]")' },
  user: { type: 'string', short: 'u', help: 'Username or UID (format: "<name|uid>[:<group|gid>]")' },
  volume: { type: 'list', short: 'v', help: 'Mount a directory or file: "SOURCE:TARGET[:ro]"' },
  workdir: { type: 'string', short: 'w', help: 'Working directory in the image' },
  ...taken,
} as const satisfies FlagTable

export type RunFlags = typeof runFlags

/** The flags of `tare run`, including those of docker that it rejects. */
export const allRunFlags = {
  ...refused(noContainer, 'bool', ['detach d']),
  ...refused(noContainer, 'string', [
    ...[
      'attach a',
      'cidfile',
      'detach-keys',
      'label l',
      'label-file',
      'annotation',
      'log-driver',
      'log-opt',
      'restart',
    ],
    ...['stop-signal', 'stop-timeout', 'storage-opt', 'volume-driver', 'volumes-from', 'link'],
  ]),
  ...refused(itsNetwork, 'bool', ['publish-all P']),
  ...refused(itsNetwork, 'string', [
    ...['publish p', 'expose', 'hostname h', 'domainname', 'dns', 'dns-option', 'dns-opt', 'dns-search', 'ip', 'ip6'],
    ...['link-local-ip', 'mac-address', 'network-alias', 'net-alias'],
  ]),
  ...refused(noLimits, 'bool', ['oom-kill-disable']),
  ...refused(noLimits, 'string', [
    ...['memory m', 'memory-reservation', 'memory-swap', 'memory-swappiness', 'kernel-memory', 'pids-limit', 'cpus'],
    ...['cpu-shares c', 'cpu-period', 'cpu-quota', 'cpu-rt-period', 'cpu-rt-runtime', 'cpuset-cpus', 'cpuset-mems'],
    ...['cpu-count', 'cpu-percent', 'io-maxbandwidth', 'io-maxiops', 'blkio-weight', 'blkio-weight-device'],
    ...['device-read-bps', 'device-read-iops', 'device-write-bps', 'device-write-iops', 'oom-score-adj'],
  ]),
  ...refused(itsWalls, 'bool', ['privileged', 'use-api-socket']),
  ...refused(itsWalls, 'string', [
    ...['cap-add', 'cap-drop', 'cgroup-parent', 'cgroupns', 'group-add', 'ipc', 'pid', 'runtime', 'security-opt'],
    ...['sysctl', 'userns', 'uts'],
  ]),
  ...refused(noDevices, 'string', ['device', 'device-cgroup-rule', 'gpus']),
  ...refused(noHealth, 'string', [
    ...['health-cmd', 'health-interval', 'health-retries', 'health-start-interval', 'health-start-period'],
    ...['health-timeout'],
  ]),
  ...runFlags,
} as const satisfies FlagTable
