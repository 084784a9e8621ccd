/**
 * Variables in words: `$NAME`, `${NAME:-word}`, quotes and escapes.
 *
 * In: a word and a lookup of variables.  Out: the expanded word or words, and which variables it used.
 * Not here: which value a variable has.
 */
export { type Expansion, expand, expandHeredoc, expandWords } from './expand.ts'
export type { ExpandOptions, Lookup } from './lexer.ts'
