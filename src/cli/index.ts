/**
 * The command line: argv in; text, files and an exit code out.
 *
 * In: arguments and the environment.  Out: an exit code, and output like docker's.
 * Not here: what the verbs do. That is the library (`../index.ts`), the only part of the project this room uses.
 */
export { main } from './main.ts'
