/**
 * Where registries really are: what registries.conf, daemon.json and hosts.toml say of mirrors, moves and blocks.
 *
 * In: a name as images have it, an environment.  Out: the endpoints to ask, in their order.
 * Not here: the asking, credentials, certificates.
 */
export { type Endpoint, type EndpointOptions, type Endpoints, findEndpoints, type NamedBy } from './endpoints.ts'
