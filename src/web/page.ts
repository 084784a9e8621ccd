import { gzipSync } from 'node:zlib'
import { readPackageFile } from '../support/index.ts'
import type { Answers } from './answers.ts'

const dataBlock = '<script type="application/json" id="data">{"images":1}</script>'
const noConnections = "connect-src 'none'"

/** Reads the page as it was built. */
function builtPage(): string {
  return readPackageFile('dist/page.html')
}

/** The page for a server that has the answers. */
export function servedPage(answers: Answers): string {
  return filled(builtPage(), `{"images":${answers.images}}`).replace(noConnections, "connect-src 'self'")
}

/**
 * The page with all answers in it: one document that asks nobody for anything. They are compressed, which makes it a tenth as large and
 * quicker to open.
 */
export async function wholePage(answers: Answers): Promise<string> {
  const members: string[] = []
  for (const name of answers.names) members.push(`${JSON.stringify(name)}:${await answers.ask(name)}`)
  const packed = gzipSync(`{${members.join(',')}}`).toString('base64')
  return filled(builtPage(), JSON.stringify({ images: answers.images, gzip: packed }))
}

/** `json` must not hold what ends a script element; numbers and base64 do not. */
function filled(page: string, json: string): string {
  if (!page.includes(dataBlock) || json.includes('<')) throw new Error('dist/page.html cannot take its data')
  return page.replace(dataBlock, () => dataBlock.replace('{"images":1}', () => json))
}
