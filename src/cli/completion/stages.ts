import { join } from 'node:path'
import type { Tare } from '../../index.ts'

/** Returns the stages of the Dockerfile that `tare build` would read; none if it is not a file here. `folder` is the context. */
export async function stagesOf(
  words: readonly string[],
  folder: string,
  open: () => Promise<Tare>,
): Promise<readonly string[]> {
  const file = fileOf(words)
  if (file === '-' || (file === undefined && isElsewhere(folder))) return []
  try {
    const path = file ?? join(folder, 'Dockerfile')
    const { targets } = await (await open()).targets({ context: { kind: 'empty' }, dockerfile: { path } })
    return targets.flatMap(({ name }) => name ?? [])
  } catch {
    return []
  }
}

/** Returns the value of the last `-f`. */
function fileOf(words: readonly string[]): string | undefined {
  let file: string | undefined
  for (const [i, word] of words.entries()) {
    if (/^(?:--file|-[a-zA-Z]*f)$/.test(words[i - 1] ?? '')) file = word
    else if (word.startsWith('--file=')) file = word.slice('--file='.length)
  }
  return file
}

function isElsewhere(folder: string): boolean {
  return folder === '-' || /^[a-z+]+:\/\/|^git@/i.test(folder)
}
