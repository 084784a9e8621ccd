import type { RunMount } from '../../../index.ts'
import { UsageError } from '../../failure.ts'
import { sizeOf } from '../../flags.ts'

const form = 'Write type=bind,src=PATH,dst=PATH[,readonly] or type=tmpfs,dst=PATH[,tmpfs-size=64m].'

/** Parses docker's `--mount`, for the types that need no daemon. */
export function readMountFlag(text: string): RunMount {
  const wrong = (why: string) => new UsageError(`invalid mount "${text}": ${why}`, form)
  const fields = new Map<string, string>()
  for (const part of text.split(',')) {
    const sign = part.indexOf('=')
    const [key, value] = sign < 0 ? [part, 'true'] : [part.slice(0, sign), part.slice(sign + 1)]
    const name = aliases[key.trim().toLowerCase()]
    if (name === undefined) throw wrong(`"${key}" is not supported`)
    fields.set(name, value)
  }
  const type = fields.get('type') ?? 'volume'
  const target = fields.get('target')
  if (type === 'volume') throw wrong('volumes are not supported')
  if (type !== 'bind' && type !== 'tmpfs') throw wrong(`type "${type}" is not supported`)
  if (target === undefined || target === '') throw wrong('there is no target')
  if (type === 'tmpfs') {
    for (const key of ['source', 'readonly']) if (fields.has(key)) throw wrong(`${key} is not for tmpfs`)
    const size = fields.get('tmpfs-size')
    return { type, target, ...(size === undefined ? {} : { size: readSize(size, wrong) }) }
  }
  const source = fields.get('source')
  if (source === undefined || source === '') throw wrong('there is no source')
  if (fields.has('tmpfs-size')) throw wrong('tmpfs-size is for tmpfs')
  return { type, source, target, readonly: readBoolean(fields.get('readonly') ?? 'false', wrong) }
}

const aliases: Readonly<Record<string, string>> = {
  ...{ type: 'type', source: 'source', src: 'source', target: 'target', destination: 'target', dst: 'target' },
  ...{ readonly: 'readonly', ro: 'readonly', 'tmpfs-size': 'tmpfs-size', consistency: 'consistency' },
}

/** Parses docker's `--tmpfs PATH[:options]`. */
export function readTmpfsFlag(text: string): RunMount {
  const [target = '', options = ''] = text.split(/:(.*)/s)
  const wrong = (why: string) => new UsageError(`invalid tmpfs "${text}": ${why}`, 'Write PATH or PATH:size=64m.')
  let size: number | undefined
  for (const option of options.split(',').filter(Boolean)) {
    if (option.startsWith('size=')) size = readSize(option.slice('size='.length), wrong)
    // These apply anyway.
    else if (!['rw', 'nosuid', 'nodev', 'mode=1777'].includes(option)) throw wrong(`"${option}" is not supported`)
  }
  return { type: 'tmpfs', target, size }
}

type Wrong = (why: string) => UsageError

function readSize(text: string, wrong: Wrong): number {
  const size = sizeOf(text)
  if (size === undefined || size < 1) throw wrong(`"${text}" is not a size`)
  return size
}

function readBoolean(text: string, wrong: Wrong): boolean {
  if (['true', '1', ''].includes(text)) return true
  if (['false', '0'].includes(text)) return false
  throw wrong(`readonly must be true or false, not "${text}"`)
}
