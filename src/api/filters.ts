/**
 * A filter of images, written as docker writes it:
 *
 * - `dangling=true`: images without a name; `dangling=false`: images with one
 * - `label=KEY`, `label=KEY=VALUE`: images with this label; `label!=…`: images without it
 * - `before=IMAGE`, `since=IMAGE`: images made before or after this one, by name or ID
 * - `until=TIME`: images made before a time: `24h`, `1h30m`, seconds since 1970, or a date
 * - `reference=PATTERN`: names like `alpine`, `alpine:3.*` or `my/*`
 */
export type ImageFilter =
  | `dangling=${boolean}`
  | `label=${string}`
  | `label!=${string}`
  | `before=${string}`
  | `since=${string}`
  | `until=${string}`
  | `reference=${string}`

/**
 * A filter of what the store holds besides images, written as buildx writes it. `!=` negates, and `~=` takes a regular expression:
 *
 * - `until=TIME`: not used since a time: `24h`, seconds since 1970, or a date
 * - `type=regular`: steps and layers; `type=exec.cachemount`: cache mounts; `type=internal`: everything else
 * - `inuse`, `inuse=false`: whether an image or a running step needs it
 * - `id=ID`: one object
 */
export type CacheFilter =
  | `until=${string}`
  | `type${'=' | '!='}${'regular' | 'exec.cachemount' | 'internal'}`
  | 'inuse'
  | `inuse${'=' | '!='}${boolean}`
  | `id${'=' | '!='}${string}`
  | `${'type' | 'inuse' | 'id'}~=${string}`
