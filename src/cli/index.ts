/**
 * The command line: argv in; text, files and an exit code out.
 *
 * In: arguments and the environment.  Out: an exit code; what a verb has to say, as docker would say it.
 * Not here: what the verbs do. The library (`../index.ts`) does it, and this room knows nothing else of the project.
 */
export { main } from './main.ts'
