import type { CacheVerbs, ImageVerbs, IndexVerbs, RegistryVerbs, Tare, TareOptions } from '../api/index.ts'
import { createHost, type Host } from '../images/index.ts'

/**
 * Opens the library on this machine's store. Nothing is read or created before a verb is called; each verb is loaded on first
 * use.
 */
export async function openTare(options: TareOptions = {}): Promise<Tare> {
  const host = createHost(options)
  return {
    home: host.store.home,
    images: imageVerbs(host),
    registry: registryVerbs(host),
    index: indexVerbs(host),
    cache: cacheVerbs(host),
    build: async (request) => (await import('./build/build.ts')).build(host, request),
    checkDockerfile: async (request) => (await import('./build/check.ts')).check(host, request),
    run: async (request) => (await import('./build/run.ts')).run(host, request),
    doctor: async () => (await import('./build/doctor.ts')).doctor(host),
    diskUsage: async () => (await import('./cache/disk-usage.ts')).diskUsage(host),
  }
}

function imageVerbs(host: Host): ImageVerbs {
  return {
    list: async (request) => (await import('./images/images.ts')).images(host, request),
    inspect: async (name) => (await import('./images/inspect.ts')).inspect(host, name),
    history: async (name) => (await import('./images/history.ts')).history(host, name),
    diff: async (request) => (await import('./images/diff.ts')).diff(host, request),
    diffFile: async (request) => (await import('./images/diff.ts')).diffFile(host, request),
    tag: async (source, target) => (await import('./images/tag.ts')).tag(host, source, target),
    remove: async (request) => (await import('./images/remove.ts')).remove(host, request),
    prune: async (request) => (await import('./images/prune.ts')).prune(host, request),
    save: async (request) => (await import('./images/save.ts')).save(host, request),
    load: async (request) => (await import('./images/load.ts')).load(host, request),
    check: async (request) => (await import('./images/check.ts')).checkContents(host, request),
    weigh: async (request) => (await import('./images/weigh.ts')).weighImage(host, request),
    import: async (request) => (await import('./images/import-image.ts')).importImage(host, request),
    layers: async (request) => (await import('./images/layers.ts')).imageLayers(host, request),
    files: async (request) => (await import('./images/files.ts')).imageFiles(host, request),
    readFile: async function* (request) {
      yield* (await import('./images/read-file.ts')).readFile(host, request)
    },
    why: async (request) => (await import('./images/why.ts')).why(host, request),
    export: async (request) => (await import('./images/export-image.ts')).exportImage(host, request),
    copyOut: async (request) => (await import('./images/copy-out.ts')).copyOut(host, request),
  }
}

function registryVerbs(host: Host): RegistryVerbs {
  return {
    pull: async (request) => (await import('./registry/pull.ts')).pull(host, request),
    pullAll: async (request) => (await import('./registry/pull.ts')).pullAll(host, request),
    push: async (request) => (await import('./registry/push.ts')).push(host, request),
    pushAll: async (request) => (await import('./registry/push.ts')).pushAll(host, request),
    copy: async (request) => (await import('./registry/copy.ts')).copy(host, request),
    login: async (request = {}) => (await import('./registry/login.ts')).login(host, request),
    logout: async (request = {}) => (await import('./registry/login.ts')).logout(host, request),
    digest: async (request) => (await import('./registry/read-document.ts')).readDigest(host, request),
    manifest: async (request) => (await import('./registry/read-document.ts')).readManifest(host, request),
    config: async (request) => (await import('./registry/read-document.ts')).readConfig(host, request),
    tags: async (request) => (await import('./registry/questions.ts')).remoteTags(host, request),
    referrers: async (request) => (await import('./registry/questions.ts')).referrers(host, request),
    remove: async (request) => (await import('./registry/questions.ts')).removeRemote(host, request),
  }
}

function indexVerbs(host: Host): IndexVerbs {
  return {
    create: async (request) => (await import('./index/create.ts')).createIndex(host, request),
    annotate: async (request) => (await import('./index/annotate.ts')).annotateIndex(host, request),
  }
}

function cacheVerbs(host: Host): CacheVerbs {
  return {
    prune: async (request) => (await import('./cache/prune-build-cache.ts')).pruneBuildCache(host, request),
    mounts: async () => (await import('./cache/cache-mounts.ts')).cacheMounts(host),
    exportMounts: async (request) => (await import('./cache/cache-mounts.ts')).exportMounts(host, request),
    importMounts: async (request) => (await import('./cache/cache-mounts.ts')).importMounts(host, request),
  }
}
