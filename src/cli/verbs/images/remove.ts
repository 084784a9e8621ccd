import { defineVerb } from '../../command.ts'
import { reportError } from '../../print-error.ts'
import { print, tell } from '../../streams.ts'

export const remove = defineVerb({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  args: { least: 1, most: Number.POSITIVE_INFINITY },
  flags: {
    force: { type: 'bool', short: 'f', help: 'Force removal of the image' },
    'no-prune': { type: 'bool', help: 'Do not delete untagged parents' },
    platform: { type: 'strings', help: 'Remove only the given platform variant', notYet: true },
  },
  run: async ({ args, flags, streams, signal, debug, ...call }) => {
    const tare = await call.open()
    let exitCode = 0
    // One by one, as in docker: an unknown name does not affect the others.
    for (const name of args) {
      try {
        for (const removal of await tare.images.remove({ names: [name], force: flags.force, signal }))
          await print(
            streams,
            'untagged' in removal ? `Untagged: ${removal.untagged}\n` : `Deleted: ${removal.deleted}\n`,
          )
      } catch (error) {
        if (signal.aborted) throw error
        const report = await reportError(error, 'rmi', debug)
        await tell(streams, report.text)
        exitCode = report.exitCode
      }
    }
    return exitCode
  },
})
