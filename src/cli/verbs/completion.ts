import { defineVerb } from '../command.ts'
import { UsageError } from '../failure.ts'
import { print } from '../streams.ts'

export const completion = defineVerb({
  usage: 'bash|zsh|fish',
  about: 'Prints a script that completes commands, flags and names. In bash: source <(tare completion bash)',
  args: { least: 1, most: 1 },
  flags: {},
  run: async ({ args, streams }) => {
    const { scripts } = await import('../completion/scripts.ts')
    const script = Object.entries(scripts).find(([shell]) => shell === args[0])?.[1]
    if (script === undefined)
      throw new UsageError(`unknown shell "${args[0]}"`, `The shells are ${Object.keys(scripts).join(', ')}.`, 1)
    await print(streams, script)
    return 0
  },
})
