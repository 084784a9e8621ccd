import type { Node, Tree } from '../../files/tree/index.ts'
import { TareError } from '../../support/index.ts'
import type { Identity } from './identity.ts'
import type { Command } from './types.ts'

/** The command's environment, with HOME. */
export function environmentOf({ env }: Command, { home }: Identity): string[] {
  return env.some((line) => line.startsWith('HOME=')) ? [...env] : [...env, `HOME=${home}`]
}

/**
 * Whether the command can be there at all, where it will run, and whether there is a shell. Throws `COMMAND_MISSING` with the
 * words of a shell's 127.
 */
export function checkCommand(
  command: Command,
  env: readonly string[],
  tree: Tree,
): { readonly hasShell: boolean; readonly cwd: string } {
  const cwd = tree.resolve(command.cwd)
  const there = cwd === '' ? tree.root : tree.get(cwd)
  if (there !== undefined && there.kind !== 'directory')
    throw new TareError('WORKDIR_INVALID', `the working directory ${command.cwd} is not a directory`)
  const program = command.argv[0] ?? ''
  // What a mount brings cannot be seen from here.
  if (command.mounts.length === 0 && command.scripts.every(({ name }) => program !== `/dev/pipes/${name}`))
    findCommand(program, cwd, env, tree)
  return { hasShell: isFile(tree.find('bin/sh')), cwd }
}

function findCommand(program: string, cwd: string, env: readonly string[], tree: Tree): void {
  if (program.includes('/')) {
    const path = program.startsWith('/') ? program : `/${cwd}/${program}`
    if (isFile(tree.find(path))) return
    throw new TareError('COMMAND_MISSING', `exec: "${program}": stat ${program}: no such file or directory`, {
      remedy: /(?:^|\/)(?:ba|da|a)?sh$/.test(program)
        ? 'The filesystem has no shell: use the exec form, RUN ["/program", "argument"], or a base image with a shell.'
        : 'The path counts in the filesystem of the stage. Was it copied there?',
    })
  }
  const path = env.find((line) => line.startsWith('PATH='))?.slice('PATH='.length) ?? ''
  if (
    path
      .split(':')
      .some((folder) => isFile(tree.find(`${folder.startsWith('/') ? folder : `/${cwd}/${folder}`}/${program}`)))
  )
    return
  throw new TareError('COMMAND_MISSING', `exec: "${program}": executable file not found in $PATH`, {
    remedy: `PATH is ${path}. Install ${program} in an earlier RUN, or name it by its path.`,
  })
}

function isFile(node: Node | undefined): boolean {
  return node?.kind === 'file'
}
