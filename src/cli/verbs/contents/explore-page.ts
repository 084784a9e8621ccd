import { lstatSync, realpathSync, writeFileSync } from 'node:fs'
import { replaceFile } from '../../../disk/index.ts'
import type { Tare } from '../../../index.ts'
import { type Answers, answersOf, type ExploredImages, openBrowser, servePage, wholePage } from '../../../web/index.ts'
import type { VerbContext } from '../../command.ts'
import { Failure } from '../../failure.ts'
import { print, printData, type Streams, tell } from '../../streams.ts'
import { readCheckConfig } from './check-config.ts'

/** Reads the images: as far as the page shows them at once, or wholly. What cannot be read is a failure here, not on the page. */
export async function preparePage(
  tare: Tare,
  images: ExploredImages,
  { whole }: { readonly whole: boolean },
): Promise<Answers> {
  let isReading = true
  const report: ExploredImages['report'] = (event) => {
    if (isReading) images.report?.(event)
  }
  const answers = answersOf(tare, { ...images, report, silences: readCheckConfig(undefined) })
  for (const name of answers.names) if (whole || name.startsWith('contents/')) await answers.ask(name)
  isReading = false
  return answers
}

/** Writes the page to a file, whole or not at all; through links, and into pipes and devices as they are. `-`: standard output. */
export async function writePage(answers: Answers, path: string, streams: Streams): Promise<void> {
  const page = await wholePage(answers)
  if (path === '-') return printData(streams, page, 'text')
  try {
    const known = lstatSync(path, { throwIfNoEntry: false })
    const target = known?.isSymbolicLink() ? realpathSync(path) : path
    if (known === undefined || lstatSync(target).isFile()) replaceFile(target, page)
    else writeFileSync(target, page)
  } catch (error) {
    throw new Failure(`cannot write "${path}": ${(error as Error).message}`)
  }
}

interface ServeCall extends Pick<VerbContext, 'streams' | 'env' | 'signal'> {
  readonly port: number | undefined
  readonly opens: boolean
}

/** Serves the page until Ctrl-C, and says where. */
export async function serveUntilInterrupted(answers: Answers, call: ServeCall): Promise<void> {
  const { port, streams, signal } = call
  const server = await serve(() => servePage(answers, port), port)
  try {
    await print(streams, `${server.address}\n`)
    const isOpen = call.opens && openBrowser(server.address, call.env)
    await tell(streams, `${isOpen ? 'Opened in the browser' : 'Open this address in a browser'}; Ctrl-C ends it.\n`)
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve())
    })
  } finally {
    await server.close()
  }
}

async function serve<T>(start: () => Promise<T>, port: number | undefined): Promise<T> {
  try {
    return await start()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error
    throw new Failure(`port ${port} of 127.0.0.1 ${code === 'EACCES' ? 'may not be used' : 'is in use'}`, {
      remedy: 'Choose another --port, or none for a free one.',
    })
  }
}
