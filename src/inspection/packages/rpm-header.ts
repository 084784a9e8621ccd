// Members of a header are identified by numbers. (rpm, docs/manual/format_header.md and tags.md)
const tags = {
  ...{ name: 1000, version: 1001, release: 1002, epoch: 1003, size: 1009, license: 1014, arch: 1022 },
  ...{ sourceRpm: 1044, directoryOf: 1116, baseNames: 1117, directories: 1118, longSize: 5009 },
}

const entryLimit = 0xffff
const fileLimit = 1_000_000

type Tag = keyof typeof tags

/** A package in rpm's database: numbers and texts by tag. */
export interface RpmHeader {
  text(tag: Tag): string
  number(tag: Tag): number | undefined
  /** Returns paths without a leading slash. */
  files(): readonly string[]
}

/**
 * Parses a header from the database, where it lacks the eight bytes it starts with in a file. Returns undefined if it is invalid.
 */
export function readRpmHeader(blob: Buffer): RpmHeader | undefined {
  if (blob.length < 8) return undefined
  const entries = blob.readUInt32BE(0)
  const data = 8 + entries * 16
  if (entries > entryLimit || data + blob.readUInt32BE(4) > blob.length) return undefined
  const places = new Map<number, { readonly type: number; readonly at: number; readonly count: number }>()
  for (let at = 8; at < data; at += 16) {
    const place = {
      type: blob.readUInt32BE(at + 4),
      at: data + blob.readUInt32BE(at + 8),
      count: blob.readUInt32BE(at + 12),
    }
    // Each region has one of the same tags; the package's own come first.
    if (!places.has(blob.readUInt32BE(at))) places.set(blob.readUInt32BE(at), place)
  }
  const texts = (tag: Tag): string[] => {
    const place = places.get(tags[tag])
    // 6 is a text, 8 a list of texts, 9 a text with translations, the first of which is English.
    if (place === undefined || ![6, 8, 9].includes(place.type)) return []
    const found: string[] = []
    const most = Math.min(place.type === 8 ? place.count : 1, fileLimit)
    for (let at = place.at; found.length < most && at < blob.length; ) {
      const end = blob.indexOf(0, at)
      if (end < 0) break
      found.push(blob.toString('utf8', at, end))
      at = end + 1
    }
    return found
  }
  const numbers = (tag: Tag): number[] => {
    const place = places.get(tags[tag])
    const width = place?.type === 4 ? 4 : place?.type === 5 ? 8 : 0
    if (place === undefined || width === 0) return []
    const most = Math.min(place.count, fileLimit, Math.floor((blob.length - place.at) / width))
    return Array.from({ length: Math.max(0, most) }, (_, i) =>
      width === 4 ? blob.readUInt32BE(place.at + i * 4) : Number(blob.readBigUInt64BE(place.at + i * 8)),
    )
  }
  return {
    text: (tag) => texts(tag)[0] ?? '',
    number: (tag) => numbers(tag)[0],
    files: () => {
      const directories = texts('directories')
      const directoryOf = numbers('directoryOf')
      return texts('baseNames').map((name, i) =>
        `${directories[directoryOf[i] ?? -1] ?? ''}${name}`.replace(/^\/+/, ''),
      )
    },
  }
}
