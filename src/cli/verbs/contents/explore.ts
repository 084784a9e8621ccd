import { defineVerb } from '../../command.ts'
import { UsageError } from '../../failure.ts'
import { aboutImage, look, lookFlags } from './look-flags.ts'

export const explore = defineVerb({
  usage: '[OPTIONS] IMAGE [OTHER]',
  about: `Shows an image in the browser: its layers, files and sizes, wasted space, findings, config and history; with OTHER, both side by
side. The page is served on 127.0.0.1 until Ctrl-C, at an address that cannot be guessed. --html writes it to a file that needs no
server.

${aboutImage}`,
  args: { least: 1, most: 2 },
  flags: {
    ...lookFlags,
    html: {
      type: 'string',
      placeholder: 'file',
      help: 'Write the page to one file that needs no server ("-": stdout)',
    },
    'no-open': { type: 'bool', help: 'Print the address of the page, but open no browser' },
    port: { type: 'int', help: 'Port of the page on 127.0.0.1 (default: a free one)' },
    terminal: { type: 'bool', help: 'Show the image in the terminal; "?" lists the keys' },
  },
  run: async ({ args, ...call }) => {
    const { flags } = call
    const [a, b] = args as [string, string | undefined]
    const clash = (['terminal', 'html', 'no-open', 'port'] as const).filter((flag) => call.given.has(flag))
    if (clash.length > 1 && (flags.terminal || flags.html !== undefined))
      throw new UsageError(`--${clash[0]} and --${clash[1]} exclude each other`)
    if (flags.terminal) {
      if (b !== undefined)
        throw new UsageError('--terminal shows one image', 'Compare two with "tare image diff", or without --terminal.')
      const { exploreOnTerminal, requireTerminal } = await import('../../explore/index.ts')
      requireTerminal(call)
      const tare = await call.open()
      const image = await look(call, a, (options) => tare.images.contents(options))
      await exploreOnTerminal(image, call)
      return 0
    }
    const port = portOf(flags.port)
    const { preparePage, serveUntilInterrupted, writePage } = await import('./explore-page.ts')
    const tare = await call.open()
    const { html } = flags
    const answers = await look(call, b === undefined ? a : `${a} and ${b}`, ({ image: _, ...options }) =>
      preparePage(tare, { ...options, a, b }, { whole: html !== undefined }),
    )
    if (html === undefined) await serveUntilInterrupted(answers, { ...call, port, opens: !flags['no-open'] })
    else await writePage(answers, html, call.streams)
    return 0
  },
})

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const port = Number(text)
  if (port >= 1 && port <= 65535) return port
  throw new UsageError(`invalid --port "${text}"`, 'Ports are from 1 to 65535.')
}
