import { defineVerb } from '../../command.ts'
import { aboutEdit, edited, editFlags } from './edit-flags.ts'

export const flatten = defineVerb({
  usage: '[OPTIONS] IMAGE',
  about: `Merges the layers of IMAGE into one, without what upper layers replace or remove.

${aboutEdit}`,
  args: { least: 1, most: 1 },
  flags: editFlags,
  run: (call) => edited(call, call.args[0]!, (options, tare) => tare.images.flatten(options)),
})
