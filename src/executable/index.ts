/**
 * The entry of the single executable, which scripts/sea.js makes: the command line, and the helpers that run in processes of their own.
 *
 * In: the arguments of the process.  Out: an exit code.
 * Not here: how the file is made (scripts/sea.js), and how its modules are loaded (bin/tare.js).
 */
import { main as runCommandLine } from '../cli/index.ts'
import { type HelperName, helperVerb } from '../support/index.ts'

export function main(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  // Helpers are started under any name, also one that stands for a verb.
  const [, , verb, ...rest] = process.argv
  return verb === helperVerb ? help(rest) : runCommandLine(words, env)
}

type Helper = (...args: never[]) => unknown

const helpers: Readonly<Record<HelperName, () => Promise<Helper>>> = {
  walk: async () => (await import('../builder/sandbox/rootfs/index.ts')).walk,
}

/** Prints what the helper returns as JSON, as `helperCommand` promises. */
async function help([name = '', args = '']: readonly string[]): Promise<number> {
  try {
    const work = await helpers[name as HelperName]()
    process.stdout.write(JSON.stringify(work(...(JSON.parse(args) as never[]))))
    return 0
  } catch (error) {
    process.stderr.write(`${(error as Error).stack}\n`)
    return 1
  }
}
