import type {
  BuildOptions,
  BuildSecret,
  CallOptions,
  ContextSource,
  CopyOptions,
  DockerfileSource,
  DoctorOptions,
  DocumentOptions,
  ExportMountsOptions,
  ImportMountsOptions,
  ImportOptions,
  IndexAnnotateOptions,
  IndexCreateOptions,
  ListOptions,
  LoadOptions,
  LoginOptions,
  LogoutOptions,
  NamedContext,
  PruneOptions,
  PullOptions,
  PushOptions,
  ReferrersOptions,
  RegistryCredentials,
  RemoteOptions,
  RemoveOptions,
  RemoveRemoteOptions,
  RunMount,
  RunOptions,
  SaveOptions,
  TareOptions,
} from '../index.ts'
import { cacheDestinations, cacheSources } from './cache-options.ts'
import {
  bytes,
  type Check,
  callback,
  content,
  either,
  flag,
  list,
  object,
  oneOf,
  record,
  required,
  type Shape,
  signal,
  text,
  variants,
  whole,
} from './check-options.ts'
import { annotations, outputs, provenance, sbom } from './output-options.ts'

const texts = list(text)
export const name = required(text)
/** A word of a language that the verb knows, and refuses with its own words. */
export const word = <T extends string>() => text as Check<unknown> as Check<T>
const number = whole(-1)

export const openOptions: Shape<TareOptions> = { home: text, environment: record(text, true), report: callback() }

export const callOptions: Shape<CallOptions> = { report: callback(), signal }

export const doctorOptions: Shape<DoctorOptions> = { ...callOptions, builder: word() }

const loginCall = {
  ...callOptions,
  credentials: record(
    either<RegistryCredentials>({ user: name, password: name }, { identityToken: name }, { registryToken: name }),
  ),
}
export const registryCall = { ...loginCall, insecure: flag }

const hosts = list(object<NonNullable<BuildOptions['hosts']>[number]>({ name, address: name }))
const limits = list(object<NonNullable<BuildOptions['limits']>[number]>({ name, soft: required(number), hard: number }))
const path = { path: name }

export const buildOptions: Shape<BuildOptions> = {
  ...loginCall,
  context: required(
    variants<ContextSource>('kind', {
      directory: path,
      stream: { bytes: required(bytes), folder: text },
      remote: { address: name, folder: text },
      empty: {},
    }),
  ),
  dockerfile: either<DockerfileSource>(path, { url: name }, { text: required(content), name: text }),
  tags: texts,
  target: text,
  squash: flag,
  squashFrom: text,
  buildArgs: record(text, true),
  labels: record(text),
  annotations,
  outputs,
  provenance,
  sbom,
  platforms: texts,
  contexts: record(
    variants<NamedContext>('kind', {
      directory: path,
      image: { name },
      layout: { ...path, tag: text, digest: text },
      stage: { name },
      remote: { address: name },
    }),
  ),
  explain: flag,
  noCache: flag,
  noCacheFilter: texts,
  cacheFrom: cacheSources,
  cacheTo: cacheDestinations,
  pushedOnlyTo: texts,
  onImage: callback(),
  pull: flag,
  load: flag,
  environment: record(text, true),
  epoch: whole(0),
  rewriteTimestamp: flag,
  network: word(),
  builder: word(),
  isolation: word(),
  secrets: list(
    either<BuildSecret>(
      { value: required(content), id: name, cache: oneOf('none', 'content') },
      { path: name, id: name, cache: oneOf('none', 'content') },
      { variable: name, id: name, cache: oneOf('none', 'content') },
    ),
  ),
  ssh: list(object<NonNullable<BuildOptions['ssh']>[number]>({ id: text, paths: texts })),
  hosts,
  shmSize: whole(0),
  jobs: whole(0),
  limits,
  allow: list(word()),
  secretLeak: oneOf('error', 'warn', 'allow'),
  onFailedStep: callback(),
}

export const runOptions: Shape<RunOptions> = {
  ...loginCall,
  image: name,
  platform: text,
  pull: oneOf('always', 'missing', 'never'),
  command: texts,
  entrypoint: texts,
  env: record(text),
  workdir: text,
  user: text,
  mounts: list(
    variants<RunMount>('type', {
      bind: { source: name, target: name, readonly: flag },
      tmpfs: { target: name, size: whole(1) },
    }),
  ),
  readonly: flag,
  hosts,
  shmSize: whole(0),
  limits,
  network: word(),
  isolation: word(),
  output: callback(),
  stdio: oneOf('inherit'),
  stdin: flag,
  terminal: flag,
  started: callback(),
}

export const listOptions: Shape<ListOptions> = {
  ...callOptions,
  reference: text,
  filters: list(word()),
  platforms: flag,
}
export const removeOptions: Shape<RemoveOptions> = { ...callOptions, names: required(texts), force: flag }
export const pruneOptions: Shape<PruneOptions> = { ...callOptions, all: flag, filters: list(word()) }
export const saveOptions: Shape<SaveOptions> = {
  ...callOptions,
  names: required(texts),
  to: required(either(path, { write: required(callback()) })),
  format: oneOf('docker', 'docker-legacy', 'oci'),
}
export const loadOptions: Shape<LoadOptions> = {
  ...callOptions,
  from: required(either(path, { bytes: required(bytes) })),
}
export const importOptions: Shape<ImportOptions> = {
  ...callOptions,
  from: required(either(path, { url: name }, { bytes: required(bytes) })),
  message: text,
  name: text,
  changes: texts,
  platform: text,
}

export const pullOptions: Shape<PullOptions> = { ...registryCall, name, platform: text, allPlatforms: flag }
const compression = {
  format: oneOf('oci', 'docker'),
  compression: oneOf('gzip', 'zstd'),
  compressionLevel: whole(1),
}
export const pushOptions: Shape<PushOptions> = {
  ...registryCall,
  ...compression,
  name,
  image: text,
  byDigest: flag,
  keepDigestName: flag,
  forceCompression: flag,
  platform: text,
}
export const copyOptions: Shape<CopyOptions> = {
  ...registryCall,
  ...compression,
  from: name,
  to: name,
  platforms: texts,
  allPlatforms: flag,
  preserveDigests: flag,
  referrers: flag,
  additionalTags: texts,
}
export const loginOptions: Shape<LoginOptions> = {
  ...callOptions,
  registry: text,
  user: text,
  password: text,
  insecure: flag,
}
export const logoutOptions: Shape<LogoutOptions> = { ...callOptions, registry: text }
export const documentOptions: Shape<DocumentOptions> = { ...registryCall, name, local: flag, platform: text }
export const remoteOptions: Shape<RemoteOptions> = { ...registryCall, name }
export const referrersOptions: Shape<ReferrersOptions> = { ...remoteOptions, artifactType: text, platform: text }
export const removeRemoteOptions: Shape<RemoveRemoteOptions> = { ...remoteOptions, tagOnly: flag }

export const indexCreateOptions: Shape<IndexCreateOptions> = {
  ...registryCall,
  name,
  images: required(texts),
  annotations: record(text),
  append: flag,
  dryRun: flag,
  format: oneOf('oci', 'docker'),
}
export const indexAnnotateOptions: Shape<IndexAnnotateOptions> = {
  ...registryCall,
  name,
  image: text,
  platform: text,
  annotations: record(text),
  os: text,
  architecture: text,
  variant: text,
  osVersion: text,
  osFeatures: texts,
  dryRun: flag,
}

export const exportMountsOptions: Shape<ExportMountsOptions> = { ...callOptions, to: name, ids: texts }
export const importMountsOptions: Shape<ImportMountsOptions> = { ...callOptions, from: name }
