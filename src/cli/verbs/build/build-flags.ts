import type { FlagTable } from '../../flags.ts'
import { loginFlags } from '../registry/login-flags.ts'
import { outputTypes } from './outputs/output-keys.ts'

export const buildFlags = {
  ...loginFlags,
  // Flags that affect the build.
  annotation: {
    type: 'list',
    placeholder: 'stringArray',
    help: 'Add annotation to the image (format: "[TYPE[[PLATFORM]],…:]KEY=VALUE")',
  },
  'build-arg': { type: 'list', help: 'Set build-time variables' },
  'cache-from': {
    type: 'list',
    placeholder: 'stringArray',
    values: ['type=registry', 'type=local', 'type=gha'],
    help: 'Caches to take results of steps from ("user/app:cache", "type=registry,ref=user/app:cache", "type=local,src=DIR")',
  },
  'cache-to': {
    type: 'list',
    placeholder: 'stringArray',
    values: ['type=registry', 'type=local', 'type=inline', 'type=gha'],
    help: 'Where to export the cache ("type=registry,ref=app:cache,mode=max", "type=local,dest=DIR"); "type=inline" puts it into the image, which changes the image ID',
  },
  'build-context': {
    type: 'list',
    placeholder: 'stringArray',
    help: 'Additional build contexts (e.g., name=path)',
  },
  builder: {
    type: 'string',
    help: 'BuildKit to build on: an address, a builder of buildx, a docker context, several of them, or "auto"',
  },
  call: {
    type: 'string',
    help: 'Set method for evaluating build ("build", "check", "outline", "targets", "subrequests.describe"), with ",format=json"',
    default: 'build',
  },
  check: { type: 'bool', help: 'Shorthand for "--call=check"' },
  debug: { type: 'bool', short: 'D', help: 'Enable debug logging' },
  explain: { type: 'bool', help: 'Show why each step was executed, or where its result comes from' },
  file: { type: 'string', short: 'f', help: 'Name of the Dockerfile (default: "PATH/Dockerfile")' },
  iidfile: { type: 'string', help: 'Write the image ID to the file' },
  label: { type: 'list', help: 'Set metadata for an image' },
  'metadata-file': { type: 'string', help: 'Write build result metadata to a file' },
  network: {
    type: 'string',
    values: ['default', 'host', 'none'],
    help: 'Set the networking mode for the "RUN" instructions during build',
    default: 'default',
  },
  'on-error': { type: 'string', help: '"shell": open a shell in the filesystem that a failed "RUN" left' },
  'no-cache': { type: 'bool', help: 'Do not use cache when building the image' },
  'no-cache-filter': { type: 'strings', help: 'Do not cache specified stages' },
  output: {
    type: 'list',
    short: 'o',
    values: outputTypes.map((type) => `type=${type}`),
    help: 'Output destination (format: "type=local,dest=path"; types: "image", "registry", "docker", "oci", "tar", "local", "cacheonly")',
  },
  platform: { type: 'strings', help: 'Set target platform for build' },
  print: { type: 'string', help: 'What buildx 0.13 calls --call', hidden: true },
  progress: {
    type: 'string',
    help: 'Set type of progress output ("auto", "none", "plain", "quiet", "rawjson", "tty")',
    default: 'auto',
  },
  quiet: { type: 'bool', short: 'q', help: 'Suppress the build output and print image ID on success' },
  'rewrite-timestamp': { type: 'bool', help: 'Set file times later than SOURCE_DATE_EPOCH to it' },
  tag: { type: 'list', short: 't', help: 'Name and optionally a tag in the "name:tag" format' },
  verify: { type: 'bool', help: 'Build twice, the second time elsewhere, and fail if the results differ' },
  target: { type: 'string', help: 'Set the target build stage to build.' },
  push: { type: 'bool', help: 'Shorthand for "--output=type=registry"' },

  attest: {
    type: 'list',
    placeholder: 'stringArray',
    values: ['type=provenance', 'type=sbom'],
    help: 'Attestation parameters (format: "type=sbom", "type=provenance,mode=min")',
  },
  provenance: {
    type: 'string',
    values: ['true', 'false', 'mode=min', 'mode=max'],
    help: 'Shorthand for "--attest=type=provenance"; "true" is "mode=max"',
  },
  sbom: { type: 'string', values: ['true', 'false'], help: 'Shorthand for "--attest=type=sbom"' },
  squash: { type: 'bool', help: 'Make one layer of those of the last stage' },
  'squash-from': { type: 'string', placeholder: 'STAGE', help: 'Make one layer of everything that follows the stage' },

  // For RUN, for sending files to a daemon, or for a registry: they do not change the image.
  'add-host': { type: 'strings', placeholder: 'list', help: 'Add a custom host-to-IP mapping ("host:ip")' },
  allow: {
    type: 'list',
    placeholder: 'stringArray',
    help: 'Allow extra privileged entitlement ("security.insecure", "network.host")',
  },
  'allow-secret-leak': { type: 'bool', help: 'Shorthand for "--secret-leak=allow"' },
  'cgroup-parent': { type: 'string', help: 'Set the parent cgroup for the "RUN" instructions during build' },
  compress: { type: 'bool', help: 'Compress the build context using gzip', hidden: true },
  'context-folder': { type: 'string', help: 'Folder of an archive that is the context, for kaniko', hidden: true },
  'cpu-period': { type: 'int', help: 'Limit the CPU CFS (Completely Fair Scheduler) period', hidden: true },
  'cpu-quota': { type: 'int', help: 'Limit the CPU CFS (Completely Fair Scheduler) quota', hidden: true },
  'cpu-shares': { type: 'int', short: 'c', help: 'CPU shares (relative weight)', hidden: true },
  'cpuset-cpus': { type: 'string', help: 'CPUs in which to allow execution (0-3, 0,1)', hidden: true },
  'cpuset-mems': { type: 'string', help: 'MEMs in which to allow execution (0-3, 0,1)', hidden: true },
  'disable-content-trust': { type: 'bool', help: 'Skip image verification', hidden: true, default: true },
  'force-rm': { type: 'bool', help: 'Always remove intermediate containers', hidden: true },
  isolation: { type: 'string', help: 'Sandbox of "RUN": "auto", "oci", "namespace", "chroot"' },
  jobs: { type: 'int', help: 'How many steps to execute at a time; 0 for all that are ready' },
  load: {
    type: 'bool',
    help: 'Shorthand for "--output=type=docker": every layer is in the store, and the image in docker too if that builds it',
  },
  memory: { type: 'bytes', short: 'm', help: 'Memory limit', hidden: true },
  'memory-swap': { type: 'swap', help: 'Swap limit equal to memory plus swap: -1 for unlimited', hidden: true },
  pull: { type: 'bool', help: 'Always attempt to pull all referenced images' },
  resource: { type: 'list', help: 'Resource limits of build steps', hidden: true },
  rm: { type: 'bool', help: 'Remove intermediate containers after a successful build', hidden: true, default: true },
  secret: {
    type: 'list',
    placeholder: 'stringArray',
    help: 'Secret to expose to the build (format: "id=mysecret[,src=FILE|,env=NAME] [,cache=content]")',
  },
  'secret-leak': {
    type: 'string',
    help: 'What to do when the image contains the bytes of a secret ("error", "warn", "allow")',
    default: 'warn',
  },
  'security-opt': { type: 'strings', help: 'Security options', hidden: true },
  'shm-size': { type: 'bytes', help: 'Shared memory size for build containers' },
  ssh: {
    type: 'list',
    placeholder: 'stringArray',
    help: 'SSH agent socket or keys to expose to the build (format: "default|<id>[=<socket>|<key>[,<key>]]")',
  },
  ulimit: { type: 'list', placeholder: 'ulimit', help: 'Ulimit options (format: "nofile=1024[:2048]")' },
} as const satisfies FlagTable

export type BuildFlags = typeof buildFlags
