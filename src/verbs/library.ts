import type { Tare, TareOptions } from '../api/index.ts'
import { createHost } from '../images/index.ts'

/** The library over this machine's store. Nothing is read or made before a verb is called; each verb is loaded when it is first. */
export async function openTare(options: TareOptions = {}): Promise<Tare> {
  const host = createHost(options)
  return {
    home: host.store.home,
    build: async (request) => (await import('./build/build.ts')).build(host, request),
    check: async (request) => (await import('./build/check.ts')).check(host, request),
    images: async (request) => (await import('./images/images.ts')).images(host, request),
    inspect: async (name) => (await import('./images/inspect.ts')).inspect(host, name),
    history: async (name) => (await import('./images/history.ts')).history(host, name),
    save: async (request) => (await import('./images/save.ts')).save(host, request),
    load: async (request) => (await import('./images/load.ts')).load(host, request),
    importImage: async (request) => (await import('./images/import-image.ts')).importImage(host, request),
    run: async (request) => (await import('./build/run.ts')).run(host, request),
    pull: async (request) => (await import('./registry/pull.ts')).pull(host, request),
    pullAll: async (request) => (await import('./registry/pull.ts')).pullAll(host, request),
    push: async (request) => (await import('./registry/push.ts')).push(host, request),
    pushAll: async (request) => (await import('./registry/push.ts')).pushAll(host, request),
    copy: async (request) => (await import('./registry/copy.ts')).copy(host, request),
    login: async (request) => (await import('./registry/login.ts')).login(host, request),
    logout: async (request = {}) => (await import('./registry/login.ts')).logout(host, request),
    readRemote: async (what, request) =>
      (await import('./registry/read-document.ts')).readDocument(host, what, request),
    remoteTags: async (request) => (await import('./registry/questions.ts')).remoteTags(host, request),
    createIndex: async (request) => (await import('./index/create.ts')).createIndex(host, request),
    annotateIndex: async (request) => (await import('./index/annotate.ts')).annotateIndex(host, request),
    referrers: async (request) => (await import('./registry/questions.ts')).referrers(host, request),
    removeRemote: async (request) => (await import('./registry/questions.ts')).removeRemote(host, request),
    tag: async (source, target) => (await import('./images/tag.ts')).tag(host, source, target),
    remove: async (request) => (await import('./images/remove.ts')).remove(host, request),
    prune: async (request) => (await import('./images/prune.ts')).prune(host, request),
    pruneBuildCache: async (request) => (await import('./cache/prune-build-cache.ts')).pruneBuildCache(host, request),
    cacheMounts: async () => (await import('./cache/cache-mounts.ts')).cacheMounts(host),
    exportMounts: async (request) => (await import('./cache/cache-mounts.ts')).exportMounts(host, request),
    importMounts: async (request) => (await import('./cache/cache-mounts.ts')).importMounts(host, request),
    doctor: async () => (await import('./build/doctor.ts')).doctor(host),
    diskUsage: async () => (await import('./cache/disk-usage.ts')).diskUsage(host),
  }
}
