import {
  appendOptions,
  buildOptions,
  cachePruneOptions,
  cacheUsageOptions,
  callOptions,
  checkContentsOptions,
  checkOptions,
  checkText,
  copyOptions,
  copyOutOptions,
  doctorOptions,
  documentOptions,
  editOptions,
  exportMountsOptions,
  exportOptions,
  fileDiffOptions,
  fileOptions,
  filesOptions,
  imageDiffOptions,
  importMountsOptions,
  importOptions,
  indexAnnotateOptions,
  indexCreateOptions,
  listOptions,
  loadOptions,
  loginOptions,
  logoutOptions,
  lookOptions,
  mutateOptions,
  openOptions,
  pruneOptions,
  pruneSharedOptions,
  pullOptions,
  pushOptions,
  rebaseOptions,
  referrersOptions,
  remoteOptions,
  removeOptions,
  removeRemoteOptions,
  runOptions,
  type Shape,
  saveOptions,
  sbomOptions,
  weighOptions,
  whyOptions,
} from '../api/checks/index.ts'
import type {
  CacheVerbs,
  ImageVerbs,
  IndexVerbs,
  LoginCallOptions,
  RegistryVerbs,
  Tare,
  TareOptions,
} from '../api/index.ts'
import { createHost, type Host } from '../images/index.ts'

/** The library over this machine's store. Nothing is read or made before a verb is called; each verb is loaded when it is first called. */
export async function openTare(options: TareOptions = {}): Promise<Tare> {
  checkOptions('openTare', openOptions, options)
  return tareOf(createHost(options))
}

/** The library over another outside than this machine's. */
export function tareOf(host: Host): Tare {
  const verb = verbsOf(host)
  return {
    home: host.store.home,
    images: imageVerbs(verb),
    registry: registryVerbs(verb),
    index: indexVerbs(verb),
    cache: cacheVerbs(verb),
    build: verb('build', buildOptions, async () => (await import('./build/build.ts')).build),
    checkDockerfile: verb('checkDockerfile', buildOptions, async () => (await import('./build/check.ts')).check),
    outline: verb('outline', buildOptions, async () => (await import('./build/outline.ts')).outline),
    targets: verb('targets', buildOptions, async () => (await import('./build/outline.ts')).targets),
    run: verb('run', runOptions, async () => (await import('./build/run.ts')).run),
    doctor: verb('doctor', doctorOptions, async () => (await import('./build/doctor.ts')).doctor),
    diskUsage: verb('diskUsage', callOptions, async () => (await import('./cache/disk-usage.ts')).diskUsage),
    version: verb('version', callOptions, async () => (await import('./build/info.ts')).version),
    info: verb('info', callOptions, async () => (await import('./build/info.ts')).info),
  }
}

type MakeVerb = ReturnType<typeof verbsOf>

/** Makes verbs of a host: each checks its options, does nothing if the signal has fired, and only then is loaded. */
function verbsOf(host: Host) {
  return <O extends LoginCallOptions, R>(
    name: string,
    shape: Shape<O>,
    load: () => Promise<(host: Host, options: O) => Promise<R>>,
  ) =>
    async (given?: O): Promise<R> => {
      const options = given ?? ({} as O)
      checkOptions(name, shape, options)
      options.signal?.throwIfAborted()
      const { credentials } = options
      return (await load())(credentials === undefined ? host : { ...host, credentials }, options)
    }
}

function imageVerbs(verb: MakeVerb): ImageVerbs {
  return {
    list: verb('images.list', listOptions, async () => (await import('./images/images.ts')).images),
    names: verb('images.names', callOptions, async () => (await import('./images/names.ts')).imageNames),
    inspect: async (name, options) => {
      checkText('images.inspect', 'name', name)
      const load = async () => (await import('./images/inspect.ts')).inspect
      return verb('images.inspect', callOptions, async () => (host) => load().then((run) => run(host, name)))(options)
    },
    history: async (name, options) => {
      checkText('images.history', 'name', name)
      const load = async () => (await import('./images/history.ts')).history
      return verb('images.history', callOptions, async () => (host) => load().then((run) => run(host, name)))(options)
    },
    diff: verb('images.diff', imageDiffOptions, async () => (await import('./contents/diff.ts')).diff),
    diffFile: verb('images.diffFile', fileDiffOptions, async () => (await import('./contents/diff.ts')).diffFile),
    tag: async (source, target, options) => {
      checkText('images.tag', 'source', source)
      checkText('images.tag', 'target', target)
      const load = async () => (await import('./images/tag.ts')).tag
      return verb(
        'images.tag',
        callOptions,
        async () => (host) => load().then((run) => run(host, source, target)),
      )(options)
    },
    remove: verb('images.remove', removeOptions, async () => (await import('./images/remove.ts')).remove),
    prune: verb('images.prune', pruneOptions, async () => (await import('./images/prune.ts')).prune),
    save: verb('images.save', saveOptions, async () => (await import('./images/save.ts')).save),
    load: verb('images.load', loadOptions, async () => (await import('./images/load.ts')).load),
    import: verb('images.import', importOptions, async () => (await import('./images/import-image.ts')).importImage),
    append: verb('images.append', appendOptions, async () => (await import('./images/append.ts')).append),
    mutate: verb('images.mutate', mutateOptions, async () => (await import('./images/mutate.ts')).mutate),
    rebase: verb('images.rebase', rebaseOptions, async () => (await import('./images/rebase.ts')).rebase),
    flatten: verb('images.flatten', editOptions, async () => (await import('./images/flatten.ts')).flatten),
    layers: verb('images.layers', lookOptions, async () => (await import('./contents/layers.ts')).imageLayers),
    contents: verb('images.contents', lookOptions, async () => (await import('./contents/contents.ts')).imageContents),
    files: verb('images.files', filesOptions, async () => (await import('./contents/files.ts')).imageFiles),
    readFile: async function* (options) {
      const load = async () => (await import('./contents/read-file.ts')).readFile
      const open = verb('images.readFile', fileOptions, async () => async (host, given) => (await load())(host, given))
      yield* await open(options)
    },
    why: verb('images.why', whyOptions, async () => (await import('./contents/why.ts')).why),
    export: verb('images.export', exportOptions, async () => (await import('./contents/export-image.ts')).exportImage),
    copyOut: verb('images.copyOut', copyOutOptions, async () => (await import('./contents/copy-out.ts')).copyOut),
    check: verb('images.check', checkContentsOptions, async () => (await import('./contents/check.ts')).checkContents),
    sbom: verb('images.sbom', sbomOptions, async () => (await import('./contents/sbom.ts')).sbom),
    weigh: verb('images.weigh', weighOptions, async () => (await import('./contents/weigh.ts')).weighImage),
  }
}

function registryVerbs(verb: MakeVerb): RegistryVerbs {
  const documents = () => import('./registry/read-document.ts')
  const questions = () => import('./registry/questions.ts')
  return {
    pull: verb('registry.pull', pullOptions, async () => (await import('./registry/pull.ts')).pull),
    pullAll: verb('registry.pullAll', pullOptions, async () => (await import('./registry/pull.ts')).pullAll),
    push: verb('registry.push', pushOptions, async () => (await import('./registry/push.ts')).push),
    pushAll: verb('registry.pushAll', pushOptions, async () => (await import('./registry/push.ts')).pushAll),
    copy: verb('registry.copy', copyOptions, async () => (await import('./registry/copy.ts')).copy),
    login: verb('registry.login', loginOptions, async () => (await import('./registry/login.ts')).login),
    logout: verb('registry.logout', logoutOptions, async () => (await import('./registry/login.ts')).logout),
    digest: verb('registry.digest', documentOptions, async () => (await documents()).readDigest),
    manifest: verb('registry.manifest', documentOptions, async () => (await documents()).readManifest),
    config: verb('registry.config', documentOptions, async () => (await documents()).readConfig),
    tags: verb('registry.tags', remoteOptions, async () => (await questions()).remoteTags),
    referrers: verb('registry.referrers', referrersOptions, async () => (await questions()).referrers),
    remove: verb('registry.remove', removeRemoteOptions, async () => (await questions()).removeRemote),
  }
}

function indexVerbs(verb: MakeVerb): IndexVerbs {
  return {
    create: verb('index.create', indexCreateOptions, async () => (await import('./index/create.ts')).createIndex),
    annotate: verb(
      'index.annotate',
      indexAnnotateOptions,
      async () => (await import('./index/annotate.ts')).annotateIndex,
    ),
  }
}

function cacheVerbs(verb: MakeVerb): CacheVerbs {
  const mounts = () => import('./cache/cache-mounts.ts')
  return {
    prune: verb(
      'cache.prune',
      cachePruneOptions,
      async () => (await import('./cache/prune-build-cache.ts')).pruneBuildCache,
    ),
    usage: verb('cache.usage', cacheUsageOptions, async () => (await import('./cache/disk-usage.ts')).cacheUsage),
    pruneShared: verb(
      'cache.pruneShared',
      pruneSharedOptions,
      async () => (await import('./cache/prune-shared.ts')).pruneShared,
    ),
    mounts: verb('cache.mounts', callOptions, async () => (await mounts()).cacheMounts),
    exportMounts: verb('cache.exportMounts', exportMountsOptions, async () => (await mounts()).exportMounts),
    importMounts: verb('cache.importMounts', importMountsOptions, async () => (await mounts()).importMounts),
  }
}
