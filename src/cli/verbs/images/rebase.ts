import { defineVerb } from '../../command.ts'
import { aboutEdit, edited, editFlags } from './edit-flags.ts'

export const rebase = defineVerb({
  usage: '[OPTIONS] IMAGE',
  about: `Puts the layers of IMAGE that do not belong to its old base onto a new base. Everything else, such as its environment,
stays as it is.

${aboutEdit}`,
  args: { least: 1, most: 1 },
  flags: {
    ...editFlags,
    'new-base': {
      type: 'string',
      placeholder: 'image',
      help: 'New base image (default: annotation org.opencontainers.image.base.name)',
    },
    'old-base': {
      type: 'string',
      placeholder: 'image',
      help: 'Base image it was built on (default: annotation org.opencontainers.image.base.digest)',
    },
    // crane's names.
    new_base: { type: 'string', help: 'The base to have', hidden: true },
    old_base: { type: 'string', help: 'The base it was built on', hidden: true },
  },
  run: async (call) => {
    const { flags, args } = call
    const oldBase = flags['old-base'] ?? flags.old_base
    const newBase = flags['new-base'] ?? flags.new_base
    return edited(call, args[0]!, (options, tare) => tare.images.rebase({ ...options, oldBase, newBase }))
  },
})
