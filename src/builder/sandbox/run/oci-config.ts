import { findProgram, quoted } from '../machine/index.ts'
import { hostnameOf } from '../mounts/index.ts'
import { capabilities } from './become.ts'
import { devFlags, maskedPaths, readonlyPaths, type StepFacts } from './namespace-script.ts'
import { makeInside } from './nested-mounts.ts'
import { runtimeRules } from './system-calls.ts'

const resourceNames: Readonly<Record<string, string>> = {
  rttime: 'RTTIME',
  as: 'AS',
  core: 'CORE',
  cpu: 'CPU',
  data: 'DATA',
  fsize: 'FSIZE',
  locks: 'LOCKS',
  memlock: 'MEMLOCK',
  msgqueue: 'MSGQUEUE',
  nice: 'NICE',
  nofile: 'NOFILE',
  nproc: 'NPROC',
  rss: 'RSS',
  rtprio: 'RTPRIO',
  sigpending: 'SIGPENDING',
  stack: 'STACK',
}

/** crun drops the flags of the root mount: they are restored before the command has it as its root. */
function keepNoDevices(root: string, isReadOnly: boolean) {
  // A remount sets all flags anew.
  const flags = `remount,bind,nodev${isReadOnly ? ',ro' : ''}`
  return hook([
    `exec ${[findProgram('mount') ?? 'mount', '-n', '-c', '-o', flags, 'none', root].map(quoted).join(' ')}`,
  ])
}

function hook(lines: readonly string[]) {
  // Hooks must read their stdin, which is written in one piece; a shell's own read would take a system call per byte.
  const script = [`${quoted(findProgram('head') ?? 'head')} -c 1 >/dev/null`, ...lines].join('\n')
  return { path: '/bin/sh', args: ['sh', '-c', script] }
}

/** Returns the config.json of a bundle for crun or runc. (OCI runtime-spec 1.0, config.md) */
export function runtimeConfig(facts: StepFacts): string {
  const { command, identity, env, prepared, root, userNamespace } = facts
  const { uid, gid, groups } = identity
  const all = capabilities.map((name) => `CAP_${name.toUpperCase()}`)
  const granted = command.insecure ? everyCapability : all
  const effective = uid === 0 ? granted : []
  const dev = `/${prepared.dev.place}`
  const { seccomp, annotations } = runtimeRules(command)
  const hasHook = !userNamespace && !command.insecure
  const hooks = [
    // runc would do that by itself, crun does not.
    ...(prepared.cwd.missing === 'inside' ? [hook(makeInside(prepared.cwd.place, root))] : []),
    ...(hasHook ? [keepNoDevices(root, command.readonlyRoot === true)] : []),
  ]
  const shm = command.shmSize ?? 64 << 20
  const mount = (destination: string, type: string, source: string, options: readonly string[]) => ({
    destination,
    type,
    source,
    options,
  })
  const flags = ['nosuid', 'noexec', 'nodev']
  const mounts = [
    mount('/proc', 'proc', 'proc', flags),
    // The runtime would make its own /dev, where device nodes made by the command could be opened.
    mount(dev, 'bind', prepared.dev.path, devFlags(prepared, command)),
    ...prepared.dev.devices.map((name) => mount(`${dev}/${name}`, 'bind', `/dev/${name}`, ['bind'])),
    mount(`${dev}/pts`, 'devpts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
    mount(`${dev}/shm`, 'tmpfs', 'shm', [...flags, 'mode=1777', `size=${shm}`]),
    mount(`${dev}/mqueue`, 'mqueue', 'mqueue', flags),
    userNamespace && command.network !== 'none'
      ? mount('/sys', 'none', '/sys', ['rbind', ...flags, 'ro'])
      : mount('/sys', 'sysfs', 'sysfs', [...flags, ...(command.insecure ? [] : ['ro'])]),
    ...[...prepared.system, ...prepared.mounts].map(({ source, place, type, options }) =>
      mount(`/${place}`, type, source, type === 'bind' ? ['rbind', ...options] : options),
    ),
  ]
  return JSON.stringify({
    ociVersion: '1.0.2',
    process: {
      terminal: facts.terminal,
      ...(facts.terminal
        ? { consoleSize: { height: process.stdout.rows || 24, width: process.stdout.columns || 80 } }
        : {}),
      user: { uid, gid, umask: 0o022, additionalGids: groups },
      args: command.argv,
      env,
      cwd: `/${prepared.cwd.place}`,
      capabilities: { bounding: granted, effective, permitted: effective, inheritable: [] },
      ...(command.limits.length === 0
        ? {}
        : {
            rlimits: command.limits.map(([name, soft, hard]) => ({
              type: `RLIMIT_${resourceNames[name] ?? name.toUpperCase()}`,
              soft,
              hard,
            })),
          }),
      noNewPrivileges: false,
    },
    // The hook does that as well: runc would take its flags away afterwards.
    root: { path: root, readonly: command.readonlyRoot === true && !hasHook },
    hostname: hostnameOf(command),
    mounts,
    ...(hooks.length === 0 ? {} : { hooks: { createContainer: hooks } }),
    ...(annotations === undefined ? {} : { annotations }),
    linux: {
      namespaces: [
        ...['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
        ...(command.network === 'none' ? [{ type: 'network' }] : []),
      ],
      ...(command.insecure ? {} : { maskedPaths, readonlyPaths }),
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  })
}

const everyCapability = [
  ...[
    'CHOWN',
    'DAC_OVERRIDE',
    'DAC_READ_SEARCH',
    'FOWNER',
    'FSETID',
    'KILL',
    'SETGID',
    'SETUID',
    'SETPCAP',
    'LINUX_IMMUTABLE',
  ],
  ...[
    'NET_BIND_SERVICE',
    'NET_BROADCAST',
    'NET_ADMIN',
    'NET_RAW',
    'IPC_LOCK',
    'IPC_OWNER',
    'SYS_MODULE',
    'SYS_RAWIO',
    'SYS_CHROOT',
  ],
  ...['SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD'],
  ...[
    'LEASE',
    'AUDIT_WRITE',
    'AUDIT_CONTROL',
    'SETFCAP',
    'MAC_OVERRIDE',
    'MAC_ADMIN',
    'SYSLOG',
    'WAKE_ALARM',
    'BLOCK_SUSPEND',
    'AUDIT_READ',
  ],
].map((name) => `CAP_${name}`)
