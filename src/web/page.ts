import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../support/index.ts'
import type { Answers } from './answers.ts'

const dataBlock = '<script type="application/json" id="data">{"images":1}</script>'
const noConnections = "connect-src 'none'"

/** Reads the page as it was built. */
function builtPage(): string {
  return readFileSync(join(packageFolder(), 'dist/page.html'), 'utf8')
}

/** The page for a server that has the answers. */
export function servedPage(answers: Answers): string {
  return filled(builtPage(), `{"images":${answers.images}}`).replace(noConnections, "connect-src 'self'")
}

/** The page with all answers in it: one document that asks nobody for anything. */
export async function wholePage(answers: Answers): Promise<string> {
  const members: string[] = []
  for (const name of answers.names) members.push(`${JSON.stringify(name)}:${await answers.ask(name)}`)
  return filled(builtPage(), `{"images":${answers.images},"answers":{${members.join(',')}}}`)
}

function filled(page: string, json: string): string {
  if (!page.includes(dataBlock)) throw new Error('dist/page.html has no place for its data')
  return page.replace(dataBlock, () => dataBlock.replace('{"images":1}', () => embeddable(json)))
}

const escapes: Readonly<Record<string, string>> = { '<': '\\u003c', '\u2028': '\\u2028', '\u2029': '\\u2029' }

/** JSON that is the same JSON in a script element: nothing in it ends the element, or a line. */
export function embeddable(json: string): string {
  return json.replace(/[<\u2028\u2029]/g, (character) => escapes[character]!)
}
