import type { CheckResult, ImageContents, ImageDiff, WeighResult } from './library.ts'

/** What the page asks for, by the names under which it gets it. */
export interface Answers {
  readonly 'contents/a': ImageContents
  readonly 'contents/b': ImageContents
  readonly 'weigh/a': WeighResult
  readonly 'weigh/b': WeighResult
  readonly 'check/a': CheckResult
  readonly 'check/b': CheckResult
  readonly diff: ImageDiff
}

/** What was written into the page: one image or two, and all answers where no server has them, as JSON in gzip in base64. */
interface PageData {
  readonly images: 1 | 2
  readonly gzip?: string
}

export interface Source {
  readonly images: 1 | 2
  ask<K extends keyof Answers>(name: K): Promise<Answers[K]>
}

/** Reads what the page came with. */
export function openSource(): Source {
  const { images, gzip } = JSON.parse(document.getElementById('data')!.textContent) as PageData
  if (gzip !== undefined) {
    const answers = unpacked(gzip)
    return { images, ask: async (name) => (await answers)[name] }
  }
  const asked = new Map<string, Promise<unknown>>()
  return {
    images,
    ask: (name) => {
      const answer = asked.get(name) ?? fetchAnswer(name)
      asked.set(name, answer)
      return answer as Promise<never>
    },
  }
}

async function unpacked(gzip: string): Promise<Answers> {
  const bytes = Uint8Array.from(atob(gzip), (character) => character.charCodeAt(0))
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Response(stream).json() as Promise<Answers>
}

async function fetchAnswer(name: string): Promise<unknown> {
  const response = await fetch(`data/${name}`).catch(() => {
    throw new Error('tare does not answer any more: was it ended?')
  })
  const answer: unknown = await response.json().catch(() => undefined)
  if (response.ok) return answer
  const message = (answer as { readonly message?: unknown } | undefined)?.message
  throw new Error(typeof message === 'string' ? message : `tare answered ${response.status}`)
}
