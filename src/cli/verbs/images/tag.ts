import { defineVerb } from '../../command.ts'

export const tag = defineVerb({
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  args: { least: 2, most: 2 },
  flags: {},
  run: async ({ args, ...call }) => {
    const tare = await call.open()
    await tare.images.tag(args[0]!, args[1]!, { signal: call.signal })
    return 0
  },
})
