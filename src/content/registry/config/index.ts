/**
 * Where registries really are: mirrors, relocations and blocks from registries.conf, daemon.json and hosts.toml.
 *
 * In: a name as in image names, an environment.  Out: the endpoints to try, in order.
 * Not here: requests, credentials, certificates.
 */
export { type Endpoint, type EndpointOptions, type Endpoints, findEndpoints, type NamedBy } from './endpoints.ts'
