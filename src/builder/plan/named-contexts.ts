import { familiarName, parseReference } from '../../oci/index.ts'
import type { PlannedContext } from './types.ts'

/**
 * Returns the key of a named context: an image's familiar name without the default tag, so that `alpine` and
 * `docker.io/library/alpine:latest` are the same. Throws `REFERENCE_INVALID`.
 */
export function contextKey(name: string): string {
  return familiarName(parseReference(name)).replace(/:latest$/, '')
}

/** Returns the context that replaces the name; never one for `scratch` and `context`, or for an invalid name. */
export function contextNamed(contexts: ReadonlyMap<string, PlannedContext>, name: string): PlannedContext | undefined {
  if (contexts.size === 0 || /^(?:scratch|context)$/i.test(name)) return undefined
  try {
    return contexts.get(contextKey(name))
  } catch {
    return undefined
  }
}
