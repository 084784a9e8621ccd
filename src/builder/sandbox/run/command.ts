import type { RegularFile, Tree } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import { checkExecutable } from '../machine/index.ts'
import { flagsToKeep } from '../mounts/index.ts'
import type { Command } from '../step/index.ts'
import type { ProcessUser } from './identity.ts'

/** Returns the command's environment, including HOME. */
export function environmentOf({ env }: Command, { home }: ProcessUser): string[] {
  return env.some((line) => line.startsWith('HOME=')) ? [...env] : [...env, `HOME=${home}`]
}

/**
 * Checks that the command exists and can run. Throws `COMMAND_MISSING` with the message of a shell's 127, and `COMMAND_REFUSED` if
 * this machine cannot execute it.
 */
export function checkCommand(command: Command, env: readonly string[], tree: Tree): void {
  refuseLong(command.argv, env)
  const program = command.argv[0] ?? ''
  // The contents of mounts are not visible here.
  if (command.mounts.length === 0 && command.scripts.every(({ name }) => program !== `/dev/pipes/${name}`))
    checkExecutable(program, findCommand(program, tree.resolve(command.cwd), env, tree))
}

function findCommand(program: string, cwd: string, env: readonly string[], tree: Tree): RegularFile {
  if (program.includes('/')) {
    const found = findFile(tree, program.startsWith('/') ? program : `/${cwd}/${program}`)
    if (found !== undefined) return found
    throw new TareError('COMMAND_MISSING', `exec: "${program}": stat ${program}: no such file or directory`, {
      remedy: /(?:^|\/)(?:ba|da|a)?sh$/.test(program)
        ? 'The filesystem has no shell: use the exec form, RUN ["/program", "argument"], or a base image with a shell.'
        : 'The path is in the stage’s filesystem. Was the file copied there?',
    })
  }
  const path = env.find((line) => line.startsWith('PATH='))?.slice('PATH='.length) ?? ''
  const found = path
    .split(':')
    .map((folder) => findFile(tree, `${folder.startsWith('/') ? folder : `/${cwd}/${folder}`}/${program}`))
    .filter((file) => file !== undefined)
  const chosen = found.find(({ mode }) => (mode & 0o111) !== 0) ?? found[0]
  if (chosen !== undefined) return chosen
  throw new TareError('COMMAND_MISSING', `exec: "${program}": executable file not found in $PATH`, {
    remedy: `PATH is ${path}. Install ${program} in an earlier RUN, or use its full path.`,
  })
}

function findFile(tree: Tree, path: string): RegularFile | undefined {
  const node = tree.find(path)
  return node?.kind === 'file' ? node : undefined
}

// (execve(2): MAX_ARG_STRLEN is 32 pages, including the final NUL)
const longestArgument = 32 * 4096 - 1

function refuseLong(argv: readonly string[], env: readonly string[]): void {
  const size = [...argv, ...env].reduce((most, word) => Math.max(most, Buffer.byteLength(word)), 0)
  if (size <= longestArgument) return
  const isVariable = env.some((line) => Buffer.byteLength(line) === size)
  throw new TareError(
    'COMMAND_REFUSED',
    `argument list too long: ${isVariable ? 'a variable' : 'an argument'} has ${size} bytes, and Linux allows at most ${longestArgument}`,
    {
      remedy: isVariable
        ? 'Pass it in a file: COPY or mount it.'
        : 'Start the heredoc with a line such as #!/bin/sh, so that it becomes a file. Or COPY the script and RUN that.',
    },
  )
}

/** Throws `SANDBOX_UNABLE` for what is impossible without mounting. `folder`: where the step has its root. */
export function refuseUnable({ network, readonlyRoot }: Command, folder: string): void {
  if (network === 'none')
    throw unable('RUN --network=none requires a network namespace, which the chroot sandbox cannot create')
  if (readonlyRoot === true) throw unable('a read-only root requires mounting, which the chroot sandbox cannot do')
  if (flagsToKeep(folder).includes('noexec'))
    throw unable(
      'the store is on a disk mounted noexec, where the chroot sandbox cannot run programs',
      'Set TARE_HOME to a folder on another disk, or mount that one with exec (docker run --tmpfs DIR:exec).',
    )
}

export function unable(
  what: string,
  remedy = 'Use --isolation=namespace or oci on a machine that allows it: see `tare doctor`.',
): TareError {
  return new TareError('SANDBOX_UNABLE', what, { remedy })
}
