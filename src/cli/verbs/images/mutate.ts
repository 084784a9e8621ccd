import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { layersOf } from './append.ts'
import { aboutEdit, edited, editFlags, epochOf, readPairs } from './edit-flags.ts'

const words = 'comma-separated or a JSON array; empty: none'

export const mutate = defineVerb({
  usage: '[OPTIONS] IMAGE',
  about: aboutEdit,
  args: { least: 1, most: 1 },
  flags: {
    ...editFlags,
    annotation: { type: 'list', short: 'a', placeholder: 'key=value', help: 'Annotation to set' },
    append: { type: 'strings', placeholder: 'tar', help: 'Tar or directory to add as a layer' },
    cmd: { type: 'list', placeholder: 'words', help: `Set the command (${words})` },
    entrypoint: { type: 'list', placeholder: 'words', help: `Set the entrypoint and remove the command (${words})` },
    env: { type: 'list', short: 'e', placeholder: 'key=value', help: 'Environment variable to set' },
    'exposed-ports': { type: 'strings', help: 'Ports to expose instead of those of IMAGE' },
    label: { type: 'list', short: 'l', placeholder: 'key=value', help: 'Label to set' },
    'set-platform': { type: 'string', placeholder: 'platform', help: 'Platform that the config names' },
    user: { type: 'string', short: 'u', help: 'User that a container runs as; empty: none' },
    workdir: { type: 'string', short: 'w', help: 'Working directory of a container; empty: none' },
  },
  run: async (call) => {
    const { flags, args, given } = call
    const ifGiven = <T>(flag: string, value: T) => (given.has(flag) ? value : undefined)
    const change = {
      env: ifGiven('env', readPairs(flags.env, 'environment variable')),
      labels: ifGiven('label', readPairs(flags.label, 'label')),
      annotations: ifGiven('annotation', readPairs(flags.annotation, 'annotation')),
      entrypoint: ifGiven('entrypoint', wordsOf(flags.entrypoint)),
      cmd: ifGiven('cmd', wordsOf(flags.cmd)),
      user: flags.user,
      workdir: flags.workdir,
      exposedPorts: ifGiven('exposed-ports', flags['exposed-ports'].filter(Boolean)),
      platform: flags['set-platform'],
      layers: ifGiven('append', layersOf(flags.append, call)),
    }
    if (Object.values(change).every((value) => value === undefined))
      throw new UsageError('no change was given', `Run '${call.name} --help' for what can be changed.`)
    return edited(call, args[0]!, (options, tare) =>
      tare.images.mutate({ ...options, ...change, epoch: epochOf(call.env) }),
    )
  },
})

/** Reads the words of a command: `a,b`, `["a","b,c"]`, or the flag several times. */
function wordsOf(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => {
    if (!text.startsWith('[')) return text === '' ? [] : text.split(',')
    try {
      const list: unknown = JSON.parse(text)
      if (Array.isArray(list) && list.every((word) => typeof word === 'string')) return list as string[]
    } catch {}
    throw new UsageError(`invalid words "${text}"`, 'Write a,b or ["a","b"].')
  })
}
