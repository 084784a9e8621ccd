import { lstatSync, realpathSync, writeFileSync } from 'node:fs'
import { replaceFile } from '../../../disk/index.ts'
import type { Tare } from '../../../index.ts'
import { answersOf, type ExploredImages, openBrowser, servePage, wholePage } from '../../../web/index.ts'
import type { Context } from '../../command.ts'
import { Failure } from '../../failure.ts'
import { print, printData, tell } from '../../streams.ts'
import { readCheckConfig } from './check-config.ts'

interface PageCall extends Pick<Context, 'streams' | 'env' | 'signal'> {
  /** The file to write the page to; `-` for standard output. Undefined to serve it. */
  readonly html: string | undefined
  readonly port: number | undefined
  readonly opens: boolean
}

/** Writes the page to a file, or serves it until Ctrl-C. */
export async function explorePage(tare: Tare, images: ExploredImages, call: PageCall): Promise<void> {
  const { html, port, streams, signal } = call
  const answers = answersOf(tare, { ...images, silences: readCheckConfig(undefined) })
  if (html !== undefined) {
    const page = await wholePage(answers)
    if (html === '-') await printData(streams, page, 'text')
    else writePage(html, page)
    return
  }
  // An image that is not there is a failure here, not a page.
  for (const name of answers.names) if (name.startsWith('contents/')) await answers.ask(name)
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

/** Writes the page whole or not at all; through links, and into pipes and devices as they are. */
function writePage(path: string, page: string): void {
  try {
    const known = lstatSync(path, { throwIfNoEntry: false })
    const target = known?.isSymbolicLink() ? realpathSync(path) : path
    if (known === undefined || lstatSync(target).isFile()) replaceFile(target, page)
    else writeFileSync(target, page)
  } catch (error) {
    throw new Failure(`cannot write "${path}": ${(error as Error).message}`)
  }
}
