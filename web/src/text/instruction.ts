import { printable } from './printable.ts'

/** An instruction as people write it, from the line of a history: without the shell and BuildKit's remarks. */
export function instructionOf(createdBy: string | undefined): { readonly keyword: string; readonly rest: string } {
  if (createdBy === undefined || createdBy.trim() === '') return { keyword: '', rest: 'no instruction is known' }
  const text = createdBy
    .replace(/^\/bin\/sh -c #\(nop\)\s*/, '')
    .replace(/\s*# buildkit\s*$/, '')
    .replace(/^(RUN )?(?:\|\d+ .*? )?\/bin\/sh -c /, 'RUN ')
    .trim()
  const [, keyword = '', rest = text] = /^([A-Z]{2,}) (.*)$/s.exec(text) ?? []
  return { keyword, rest: printable(rest.replace(/\s+/g, ' ')) }
}
