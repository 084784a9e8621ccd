import type { NewLayer } from '../../../index.ts'
import { type Call, defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { inputBytes } from '../../input.ts'
import { aboutEdit, edited, editFlags, epochOf } from './edit-flags.ts'

export const append = defineVerb({
  usage: '[OPTIONS] IMAGE TAR|DIRECTORY|- [TAR|DIRECTORY...]',
  about: `Adds each tar (compressed or not) and each directory as a layer. Files of a directory are owned by root. IMAGE "scratch"
is an empty image.

${aboutEdit}`,
  args: { least: 0, most: Number.POSITIVE_INFINITY },
  flags: {
    ...editFlags,
    'set-base-image-annotations': {
      type: 'bool',
      help: 'Annotate the result with name and digest of IMAGE as its base',
    },
    // crane's names.
    base: { type: 'string', short: 'b', help: 'IMAGE', hidden: true },
    new_layer: { type: 'strings', short: 'f', help: 'TAR', hidden: true },
    new_tag: { type: 'string', help: 'Name of the result', hidden: true },
  },
  run: async (call) => {
    const { flags, args } = call
    const isEmpty = args.length === 0 && flags.new_layer.length > 0
    const base = flags.base ?? (isEmpty ? 'scratch' : undefined)
    const [image, ...paths] = base === undefined ? args : [base, ...args]
    const layers = layersOf([...paths, ...flags.new_layer], call)
    if (image === undefined || layers.length === 0)
      throw new UsageError('an image and a layer are required', `Usage:  ${call.name} IMAGE TAR|DIRECTORY`, 1)
    const tag = flags.tag ?? flags.new_tag
    return edited({ ...call, flags: { ...flags, tag } }, image, (options, tare) =>
      tare.images.append({
        ...options,
        layers,
        baseAnnotations: flags['set-base-image-annotations'],
        epoch: epochOf(call.env),
      }),
    )
  },
})

/** Returns the layers of the arguments; `-` is standard input. */
export function layersOf(paths: readonly string[], call: Pick<Call, 'streams' | 'signal'>): readonly NewLayer[] {
  if (paths.filter((path) => path === '-').length > 1)
    throw new UsageError('standard input can be one layer only', 'Write each tar to a file.', 1)
  return paths.map((path) => (path === '-' ? { bytes: inputBytes(call) } : { path }))
}
