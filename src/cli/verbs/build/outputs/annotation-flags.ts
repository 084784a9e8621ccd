import type { BuildAnnotation } from '../../../../index.ts'
import { Failure } from '../../../failure.ts'

type Kind = NonNullable<BuildAnnotation['on']>

const kinds: readonly Kind[] = ['manifest', 'manifest-descriptor', 'index', 'index-descriptor']

/** `[TYPE[,TYPE…]:]KEY=VALUE`, where a type is one of `kinds` with a platform in brackets if wanted. (buildx, --annotation) */
export function readAnnotationFlag(text: string): readonly BuildAnnotation[] {
  const sign = text.indexOf('=')
  if (sign < 1) throw new Failure(`invalid annotation ${JSON.stringify(text)}, expected key=value`)
  const [left, value] = [text.slice(0, sign), text.slice(sign + 1)]
  const colon = left.indexOf(':')
  if (colon < 0) return [{ key: left, value }]
  const key = left.slice(colon + 1)
  if (key === '') throw new Failure(`invalid annotation ${JSON.stringify(text)}, expected key=value`)
  return left
    .slice(0, colon)
    .split(',')
    .map((part) => {
      const match = /^([a-z-]+)(?:\[([A-Za-z0-9_/.()-]+)\])?$/.exec(part)
      if (match === null)
        throw new Failure(`invalid annotation type "${part}", expected type and optional platform in square brackets`)
      return { key, value, on: kindOf(match[1]!), ...(match[2] === undefined ? {} : { platform: match[2] }) }
    })
}

/** The fields `annotation-TYPE[PLATFORM].KEY` of an `--output`. */
export function readAnnotationField(field: string, value: string): BuildAnnotation | undefined {
  if (!field.startsWith('annotation')) return undefined
  const match = /^annotation(?:-([a-z-]+))?(?:\[([A-Za-z0-9_/.()-]+)\])?\.(\S+)$/.exec(field)
  if (match === null) throw new Failure(`invalid annotation ${JSON.stringify(field)} in --output`)
  const [, kind, platform, key] = match
  const on = kind === undefined ? undefined : kindOf(kind)
  return {
    ...{ key: key!, value },
    ...(on === undefined ? {} : { on }),
    ...(platform === undefined ? {} : { platform }),
  }
}

function kindOf(text: string): Kind {
  const kind = kinds.find((candidate) => candidate === text)
  if (kind === undefined)
    throw new Failure(`unknown annotation type "${text}"`, { remedy: `The types are ${kinds.join(', ')}.` })
  return kind
}
