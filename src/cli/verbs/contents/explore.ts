import { defineVerb } from '../../command.ts'
import { notYet, UsageError } from '../../failure.ts'
import { aboutImage, look, lookFlags } from './look-flags.ts'

export const explore = defineVerb({
  usage: '[OPTIONS] IMAGE [OTHER]',
  about: `Shows an image in the browser: its layers, files and sizes; with OTHER, both side by side.\n${aboutImage}`,
  args: { least: 1, most: 2 },
  flags: {
    ...lookFlags,
    html: {
      type: 'string',
      placeholder: 'file',
      notYet: true,
      help: 'Write the page to one file that needs no server',
    },
    'no-open': { type: 'bool', notYet: true, help: 'Print the address of the page, but open no browser' },
    port: { type: 'int', notYet: true, help: 'Port of the page on 127.0.0.1 (default: a free one)' },
    terminal: { type: 'bool', help: 'Show the image in the terminal; "?" lists the keys' },
  },
  run: async ({ args, ...call }) => {
    if (!call.flags.terminal) throw notYet('tare explore')
    if (args.length > 1) throw new UsageError('--terminal shows one image', 'Compare two with "tare image diff".')
    const { exploreOnTerminal, requireTerminal } = await import('../../explore/index.ts')
    requireTerminal(call)
    const tare = await call.open()
    const image = await look(call, args[0]!, (options) => tare.images.contents(options))
    await exploreOnTerminal(image, call)
    return 0
  },
})
