import type { CheckSilence, LookOptions, Tare, WeighResult } from '../index.ts'

/** Which images, and how to reach them. */
export interface ExploredImages extends Omit<LookOptions, 'image'> {
  readonly a: string
  readonly b?: string | undefined
  /** Findings that are known and accepted. */
  readonly silences?: readonly CheckSilence[] | undefined
}

/** What the page asks for, by names: `contents/a`. */
export interface Answers {
  readonly images: 1 | 2
  readonly names: readonly string[]
  /** Resolves to JSON; undefined for a name that there is not. Each answer is made once. */
  ask(name: string): Promise<string> | undefined
}

// Longer lists are of no use on a page.
const longestList = 200

export function answersOf(tare: Tare, { a, b, silences, ...options }: ExploredImages): Answers {
  const { images } = tare
  const makers = new Map<string, () => Promise<unknown>>()
  for (const [side, image] of [['a', a] as const, ...(b === undefined ? [] : [['b', b] as const])]) {
    const look = { ...options, image }
    makers.set(`contents/${side}`, () => images.contents(look))
    makers.set(`weigh/${side}`, async () => shortened(await images.weigh(look)))
    makers.set(`check/${side}`, () => images.check({ ...look, silences }))
  }
  if (b !== undefined) makers.set('diff', () => images.diff({ ...options, a, b }))
  const made = new Map<string, Promise<string>>()
  // One after the other: what one has read and kept, the next finds.
  let last: Promise<unknown> = Promise.resolve()
  return {
    images: b === undefined ? 1 : 2,
    names: [...makers.keys()],
    ask: (name) => {
      const make = makers.get(name)
      if (make === undefined) return undefined
      const known = made.get(name)
      if (known !== undefined) return known
      const answer = last.then(async () => JSON.stringify(await make()))
      made.set(name, answer)
      last = answer.catch(() => {})
      return answer
    },
  }
}

function shortened(weighed: WeighResult): WeighResult {
  const { wastedPaths, duplicates, packages } = weighed
  return {
    ...weighed,
    directories: [],
    wastedPaths: wastedPaths.slice(0, longestList),
    duplicates: duplicates.slice(0, longestList),
    packages: packages.slice(0, longestList),
  }
}
