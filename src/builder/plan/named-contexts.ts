import { familiarName, parseReference } from '../../oci/index.ts'
import type { NamedContext } from './types.ts'

/**
 * What a named context is known by: an image's name in its shortest form, without the default tag, so that `alpine` and
 * `docker.io/library/alpine:latest` are one. Throws `REFERENCE_INVALID`.
 */
export function contextKey(name: string): string {
  return familiarName(parseReference(name)).replace(/:latest$/, '')
}

/** The context that stands for the name; none ever does for `scratch` and `context`, or for what is no name. */
export function contextNamed(contexts: ReadonlyMap<string, NamedContext>, name: string): NamedContext | undefined {
  if (contexts.size === 0 || /^(?:scratch|context)$/i.test(name)) return undefined
  try {
    return contexts.get(contextKey(name))
  } catch {
    return undefined
  }
}
