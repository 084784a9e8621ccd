import type { Tare, TareOptions } from '../api/index.ts'
import { createHost } from './host.ts'

/** The library over this machine's store. Nothing is read or made before a verb is called; each verb is loaded when it is first. */
export async function openTare(options: TareOptions = {}): Promise<Tare> {
  const host = createHost(options)
  return {
    home: host.store.home,
    build: async (request) => (await import('./build.ts')).build(host, request),
    check: async (request) => (await import('./build.ts')).check(host, request),
    images: async (request) => (await import('./images.ts')).images(host, request),
    inspect: async (name) => (await import('./inspect.ts')).inspect(host, name),
    history: async (name) => (await import('./history.ts')).history(host, name),
    save: async (request) => (await import('./save.ts')).save(host, request),
    load: async (request) => (await import('./load.ts')).load(host, request),
    importImage: async (request) => (await import('./import-image.ts')).importImage(host, request),
    run: async (request) => (await import('./run.ts')).run(host, request),
    pull: async (request) => (await import('./pull.ts')).pull(host, request),
    pullAll: async (request) => (await import('./pull.ts')).pullAll(host, request),
    push: async (request) => (await import('./push.ts')).push(host, request),
    pushAll: async (request) => (await import('./push.ts')).pushAll(host, request),
    copy: async (request) => (await import('./copy.ts')).copy(host, request),
    login: async (request) => (await import('./login.ts')).login(host, request),
    logout: async (request = {}) => (await import('./login.ts')).logout(host, request),
    readRemote: async (what, request) => (await import('./read-document.ts')).readDocument(host, what, request),
    remoteTags: async (request) => (await import('./registry.ts')).remoteTags(host, request),
    createIndex: async (request) => (await import('./index-create.ts')).createIndex(host, request),
    annotateIndex: async (request) => (await import('./index-annotate.ts')).annotateIndex(host, request),
    referrers: async (request) => (await import('./registry.ts')).referrers(host, request),
    removeRemote: async (request) => (await import('./registry.ts')).removeRemote(host, request),
    tag: async (source, target) => (await import('./tag.ts')).tag(host, source, target),
    remove: async (request) => (await import('./remove.ts')).remove(host, request),
    prune: async (request) => (await import('./prune.ts')).prune(host, request),
    pruneBuildCache: async (request) => (await import('./prune-build-cache.ts')).pruneBuildCache(host, request),
    cacheMounts: async () => (await import('./cache-mounts.ts')).cacheMounts(host),
    exportMounts: async (request) => (await import('./cache-mounts.ts')).exportMounts(host, request),
    importMounts: async (request) => (await import('./cache-mounts.ts')).importMounts(host, request),
    doctor: async () => (await import('./doctor.ts')).doctor(host),
    diskUsage: async () => (await import('./disk-usage.ts')).diskUsage(host),
  }
}
