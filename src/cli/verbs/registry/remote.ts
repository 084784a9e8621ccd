import { type AnyVerb, defineVerb } from '../../command.ts'
import { print, printData } from '../../streams.ts'
import { loginFlags } from './login-flags.ts'

const insecure = { type: 'bool', help: 'Skip certificate checks and allow plain HTTP' } as const

/** `tare image digest|manifest|config NAME`: what a registry, or another transport, has under the name. */
function document(what: 'digest' | 'manifest' | 'config'): AnyVerb {
  return defineVerb({
    usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
    about: 'NAME is in a registry, or any other source of `tare copy`: store:NAME, oci:PATH[:TAG], …',
    args: { least: 1, most: 1 },
    flags: {
      ...loginFlags,
      insecure,
      local: { type: 'bool', help: "Look the name up in tare's store" },
      platform: {
        type: 'string',
        help: `Image for this platform in an index${what === 'config' ? " (default: this machine's)" : ''}`,
      },
    },
    run: async ({ args, flags, streams, signal, ...call }) => {
      const tare = await call.open()
      const { insecure, local, platform } = flags
      const text = await tare.registry[what]({ name: args[0]!, insecure, local, platform, signal })
      await printData(streams, text.endsWith('\n') ? text : `${text}\n`, 'json')
      return 0
    },
  })
}

export const imageDigest = document('digest')
export const imageManifest = document('manifest')
export const imageConfig = document('config')

export const registryList = defineVerb({
  usage: '[OPTIONS] REPOSITORY',
  args: { least: 1, most: 1 },
  flags: { ...loginFlags, insecure },
  run: async ({ args, flags, streams, signal, ...call }) => {
    const tare = await call.open()
    const tags = await tare.registry.tags({ name: args[0]!, insecure: flags.insecure, signal })
    await print(streams, tags.map((tag) => `${tag}\n`).join(''))
    return 0
  },
})

export const registryRemove = defineVerb({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST] [NAME...]',
  args: { least: 1, most: Number.POSITIVE_INFINITY },
  flags: {
    ...loginFlags,
    insecure,
    'tag-only': { type: 'bool', help: 'Remove only the tag, if the registry supports it' },
  },
  run: async ({ args, flags, streams, signal, ...call }) => {
    const tare = await call.open()
    const tagOnly = flags['tag-only']
    for (const name of args) {
      const digest = await tare.registry.remove({ name, tagOnly, insecure: flags.insecure, signal })
      await print(streams, tagOnly ? `Untagged: ${name}\n` : `Deleted: ${digest}\n`)
    }
    return 0
  },
})
