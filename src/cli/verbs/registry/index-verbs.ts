import type { IndexResult } from '../../../index.ts'
import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { print, printData, type Streams } from '../../streams.ts'
import { loginFlags } from './login-flags.ts'

const formats = ['oci', 'docker'] as const
const annotation = { type: 'list', placeholder: 'key=value', help: 'Annotation to add' } as const
const shared = {
  'dry-run': { type: 'bool', help: 'Print the index without sending it' },
  insecure: { type: 'bool', help: 'Skip certificate checks and allow plain HTTP' },
} as const

export const indexCreate = defineVerb({
  usage: '[OPTIONS] NAME[:TAG] IMAGE [IMAGE...]',
  about: 'IMAGE is an image or index in a registry, or any other source of `tare copy`.',
  args: { least: 2, most: Number.POSITIVE_INFINITY },
  flags: {
    ...loginFlags,
    annotation: { ...annotation, help: 'Annotation of the index' },
    append: { type: 'bool', help: 'Add to the existing images of NAME' },
    format: { type: 'string', help: 'Index format: "oci" or "docker" (default: that of its images)' },
    ...shared,
  },
  run: async ({ args, flags, streams, signal, ...call }) => {
    const format = formats.find((candidate) => candidate === flags.format)
    if (flags.format !== undefined && format === undefined)
      throw new UsageError(`invalid format "${flags.format}"`, `The formats are ${formats.join(' and ')}.`)
    const [name, ...images] = args as [string, ...string[]]
    const annotations = readAnnotations(flags.annotation)
    const tare = await call.open()
    const { append, insecure } = flags
    const dryRun = flags['dry-run']
    const result = await tare.index.create({ name, images, annotations, append, dryRun, format, insecure, signal })
    await printIndex(streams, result, dryRun)
    return 0
  },
})

export const indexAnnotate = defineVerb({
  usage: '[OPTIONS] NAME[:TAG] [DIGEST]',
  about: 'Without DIGEST and --platform, the index itself is annotated.',
  args: { least: 1, most: 2 },
  flags: {
    ...loginFlags,
    annotation,
    arch: { type: 'string', help: 'Set the architecture of the image' },
    os: { type: 'string', help: 'Set the operating system of the image' },
    'os-features': { type: 'strings', help: 'Set the operating system features that the image needs' },
    'os-version': { type: 'string', help: 'Set the operating system version of the image' },
    platform: { type: 'string', help: 'Change the image for this platform' },
    variant: { type: 'string', help: 'Set the architecture variant of the image' },
    ...shared,
  },
  run: async ({ args, flags, given, streams, signal, ...call }) => {
    const annotations = readAnnotations(flags.annotation)
    const tare = await call.open()
    const { os, arch: architecture, variant, platform, insecure } = flags
    const dryRun = flags['dry-run']
    const result = await tare.index.annotate({
      ...{ name: args[0]!, image: args[1], platform, annotations, os, architecture, variant },
      ...{ osVersion: flags['os-version'], dryRun, insecure, signal },
      osFeatures: given.has('os-features') ? flags['os-features'] : undefined,
    })
    await printIndex(streams, result, dryRun)
    return 0
  },
})

function printIndex(streams: Streams, { json, digest, fullName }: IndexResult, dryRun: boolean): Promise<void> {
  return dryRun ? printData(streams, `${json}\n`, 'json') : print(streams, `Digest: ${digest}\n${fullName}\n`)
}

function readAnnotations(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const sign = text.indexOf('=')
      if (sign < 1) throw new UsageError(`invalid annotation "${text}"`, 'Write key=value.')
      return [text.slice(0, sign), text.slice(sign + 1)]
    }),
  )
}
