/**
 * The Dockerfile language: text in, instructions with line numbers out; and the small languages inside it.
 *
 * In: the text of a Dockerfile or a .dockerignore, words with variables in them, what stands in --mount, --chmod, EXPOSE.
 * Out: values that say what is meant, Docker's build checks that need no more than the text, and errors in BuildKit's words.
 * Not here: which value a variable has, which files there are, what an instruction does.
 */
export { type Expansion, expand, expandHeredoc, expandWords } from './expand.ts'
export type { ExpandOptions, Lookup } from './lexer.ts'
export { cleanPath, quote } from './text.ts'
export * from './types.ts'
