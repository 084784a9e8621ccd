/**
 * HTTP as configured on this machine: for registries, ADD of a URL, and remote contexts.
 *
 * In: a request, an environment.  Out: a response, whatever its status; redirects, proxies, TLS and CAs stay inside.
 * Not here: the meaning of a registry's statuses, credentials.
 */
export { contentOf, isEncoded } from './content-encoding.ts'
export type { Environment } from './environment.ts'
export { explainUnreachable, isAboutCertificates, printable, textOf, type Unreachable } from './failure.ts'
export { type FetchedFile, type FetchOptions, fetchUrl } from './fetch-url.ts'
export { discard, Http, type HttpSettings, isSameEndpoint, RedirectFailure } from './http.ts'
export { loopbackAddresses } from './lookup.ts'
export type { HttpRequest, HttpResponse } from './messages.ts'
export { speaksInClear } from './peek.ts'
export { isLoopback, type ProxyRules, readProxies } from './proxies.ts'
export { isPassing, mayPass, pause, persist, type RetrySettings, readRetryAfter, TryAgain, waitOf } from './retry.ts'
export type { HostSettings } from './trust.ts'
export { parseUrl } from './url.ts'
