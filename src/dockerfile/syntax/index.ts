/**
 * A file split into statements: directives, continued lines, comments, here-documents, flags.
 *
 * In: the bytes of a Dockerfile.  Out: statements with their lines.
 * Not here: what an instruction means.
 */
export { checkOptionsAbove, parseCheckOptions } from './directives.ts'
export { refuseWideCharacters } from './encoding.ts'
export { given, readFlags } from './flags.ts'
export { isHeredocMark, readHeredocMark } from './heredoc.ts'
export { type Phrase, readStatements, type Statement } from './statement.ts'
