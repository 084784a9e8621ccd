import type { FlagTable } from '../../flags.ts'

const list = { type: 'list' } as const
const text = { type: 'string' } as const
const switched = { type: 'bool' } as const
const certificates = 'Save it as ca.crt, or client.cert and client.key, in ~/.config/containers/certs.d/REGISTRY.'

/** The flags of kaniko 1.24 that do what they do there. */
export const kanikoDone = {
  'build-arg': { ...list, help: 'Set build-time variables' },
  cache: { ...switched, help: 'Take results of steps from a registry, and leave them there' },
  'cache-repo': { ...text, help: 'Repository of the cache, or oci:PATH (default: DESTINATION/cache)' },
  compression: { ...text, help: 'Compression of layers ("gzip", "zstd")' },
  'compression-level': { type: 'int', help: 'Level of the compression' },
  context: {
    ...text,
    short: 'c',
    help: 'Build context: a path, dir://, tar://, git:// or https://',
    default: '/workspace/',
  },
  'context-sub-path': { ...text, help: 'Path within the context' },
  'custom-platform': { ...text, help: 'Platform to build for' },
  destination: { ...list, short: 'd', help: 'Name to push the image as' },
  'digest-file': { ...text, placeholder: 'file', help: 'Write the digest of the image to the file' },
  dockerfile: { ...text, short: 'f', help: 'Path of the Dockerfile', default: 'Dockerfile' },
  git: { ...text, help: 'How to clone the context (format: "branch=NAME")' },
  'image-name-tag-with-digest-file': {
    ...text,
    placeholder: 'file',
    help: 'Write NAME:TAG@DIGEST of each destination',
  },
  'image-name-with-digest-file': { ...text, placeholder: 'file', help: 'Write NAME@DIGEST of each destination' },
  insecure: { ...switched, help: 'Push over plain HTTP' },
  'insecure-registry': { ...list, help: 'Registry that speaks plain HTTP' },
  'kaniko-dir': { ...text, help: 'Where .docker/config.json and ssl/certs are', default: '/kaniko' },
  label: { ...list, help: 'Set metadata for the image' },
  'log-format': { ...text, help: '"json": progress as JSON' },
  'no-push': { ...switched, help: 'Do not push the image' },
  'no-push-cache': { ...switched, help: 'Do not leave results in the cache' },
  'oci-layout-path': { ...text, placeholder: 'folder', help: 'Also write the image as an OCI layout' },
  'registry-map': { ...list, help: 'Registries to read others from ("docker.io=mirror.example")' },
  'registry-mirror': { ...list, help: 'Mirror of docker.io' },
  reproducible: { ...switched, help: 'Set all times to 1970' },
  'single-snapshot': { ...switched, help: 'One layer for all steps of the target' },
  'skip-default-registry-fallback': { ...switched, help: 'Never read from a registry that has mirrors' },
  'skip-tls-verify': { ...switched, help: 'Push without checking certificates' },
  'skip-tls-verify-registry': { ...list, help: 'Registry whose certificate is not checked' },
  'skip-unused-stages': { ...switched, help: 'Always so: only what the target needs is built' },
  'tar-path': { ...text, placeholder: 'file', help: 'Also write the image as docker save does' },
  target: { ...text, help: 'Stage to build' },
  verbosity: { ...text, short: 'v', help: '"debug" and "trace" show more' },
} as const satisfies FlagTable

/** Those that are accepted and change nothing, because what they are about is not so here. */
export const kanikoAccepted = {
  'cache-copy-layers': { ...switched, help: 'Every step is cached' },
  'cache-dir': { ...text, help: 'Base images are cached in the store' },
  'cache-run-layers': { ...switched, help: 'Every step is cached', default: true },
  'cache-ttl': { ...text, help: 'Entries do not expire; `tare builder prune` removes old ones' },
  cleanup: { ...switched, help: 'The filesystem is not touched' },
  'compressed-caching': { ...switched, help: 'Layers in the cache are compressed', default: true },
  'credential-helpers': { ...list, help: 'Login files name the credential helpers' },
  force: { ...switched, help: 'tare builds anywhere' },
  'force-build-metadata': { ...switched, help: 'Metadata is always complete' },
  'ignore-path': { ...list, help: 'Layers hold what steps change, and nothing of the machine' },
  'ignore-var-run': { ...switched, help: 'As for --ignore-path', default: true },
  'image-download-retry': { type: 'int', help: 'Transfers are always retried' },
  'image-fs-extract-retry': { type: 'int', help: 'Transfers are always retried' },
  'log-timestamp': { ...switched, help: 'Progress has elapsed times' },
  'push-retry': { type: 'int', help: 'Transfers are always retried' },
  'skip-push-permission-check': { ...switched, help: 'There is no separate check' },
  'snapshot-mode': { ...text, help: 'There are no snapshots' },
  'use-new-run': { ...switched, help: 'There is one way to run' },
} as const satisfies FlagTable

/** Those that cannot be done, and what to do instead. */
export const kanikoRefused = {
  bucket: {
    ...text,
    short: 'b',
    help: 'Bucket of the context',
    refused: 'Download the context before, and name its folder or tar.',
  },
  'insecure-pull': {
    ...switched,
    help: 'Pull over plain HTTP',
    refused: 'Name the registry with --insecure-registry.',
  },
  'push-ignore-immutable-tag-errors': {
    ...switched,
    help: 'Succeed without pushing',
    refused: 'An image that was not pushed is an error. Ask `tare image digest` before, whether the tag exists.',
  },
  'registry-certificate': { ...list, help: 'CA of a registry', refused: certificates },
  'registry-client-cert': { ...list, help: 'Client certificate for a registry', refused: certificates },
  'skip-tls-verify-pull': {
    ...switched,
    help: 'Pull without checking certificates',
    refused: 'Name the registry with --skip-tls-verify-registry.',
  },
} as const satisfies FlagTable

/** Spellings that kaniko gave up. */
const old = {
  customPlatform: { ...text, help: '--custom-platform', hidden: true },
  snapshotMode: { ...text, help: '--snapshot-mode', hidden: true },
  tarPath: { ...text, help: '--tar-path', hidden: true },
} as const satisfies FlagTable

export const kanikoFlags = { ...kanikoDone, ...kanikoAccepted, ...kanikoRefused, ...old } as const

export type KanikoFlags = typeof kanikoFlags
