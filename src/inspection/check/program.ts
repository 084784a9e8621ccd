import type { CheckFinding } from '../../api/index.ts'
import type { RegularFile } from '../../files/tree/index.ts'
import { defaultPath } from '../../oci/index.ts'
import type { Filesystem } from './filesystem.ts'
import { finding } from './finding.ts'
import { loadLibraries } from './libraries.ts'
import { type ImageUser, mayExecute } from './user.ts'

/** The environment in which a command of the image starts. */
export interface StartContext {
  readonly files: Filesystem
  readonly environment: ReadonlyMap<string, string>
  /** Absolute. */
  readonly folder: string
  /** Docker's name for the image's architecture. */
  readonly architecture: string
  /** Undefined if the image does not contain its user. */
  readonly user: ImageUser | undefined
}

/** A program that would be started, with everything loaded for it. */
export interface CheckedProgram {
  readonly path: string
  readonly file: RegularFile
  readonly libraries: readonly string[]
}

export interface Checked {
  readonly findings: readonly CheckFinding[]
  /** The program, and for a script its interpreters. */
  readonly programs: readonly CheckedProgram[]
}

// The kernel follows at most four nested script interpreters. (linux, fs/exec.c)
const mostScripts = 4

/** Checks that a command exists, is executable, and has its interpreter, loader and libraries. `what` names it: `ENTRYPOINT`. */
export function checkCommand(start: StartContext, name: string, what: string): Checked {
  const found = findProgram(start, name)
  if (found === undefined) return only(missing(what, name, start))
  const node = start.files.find(found)!
  if (node.kind === 'directory')
    return only(
      finding('CommandIsDirectory', 'error', `${what} is ${shown(found)}, a directory`, {
        path: found,
        reason: 'A container of this image does not start: "is a directory".',
        remedy: 'Name the program.',
      }),
    )
  if (node.kind !== 'file') return only(missing(what, name, start))
  if ((node.mode & 0o111) === 0)
    return only(
      finding('CommandNotExecutable', 'error', `${what} is ${shown(found)}, which nobody may execute`, {
        path: found,
        reason: 'A container of this image does not start: "permission denied".',
        remedy: 'Give it mode 0755: COPY --chmod=755.',
      }),
    )
  if (start.user !== undefined && !mayStart(start.files, start.user, found))
    return only(
      finding(
        'CommandNotExecutable',
        'error',
        `${what} is ${shown(found)}, which user ${start.user.uid} may not execute`,
        {
          path: found,
          reason: 'A container of this image does not start: "permission denied".',
          remedy: 'Let others execute it, and pass through its directories: mode 0755, or --chown.',
        },
      ),
    )
  return checkProgram(start, found, what, 0)
}

/** Whether the user may execute the file and search its parent directories. */
function mayStart(files: Filesystem, user: ImageUser, path: string): boolean {
  const parts = files.real(path).split('/')
  return parts.every((_, i) => {
    const node = files.find(parts.slice(0, i + 1).join('/'))
    return node !== undefined && mayExecute(user, node)
  })
}

function only(one: CheckFinding): Checked {
  return { findings: [one], programs: [] }
}

/** Checks that the kernel can start the file. */
export function checkProgram(start: StartContext, path: string, what: string, depth: number): Checked {
  const { files } = start
  const file = files.file(path)!
  const head = files.bytes(file, 0, 256)
  if (head.subarray(0, 2).toString('latin1') === '#!') return checkScript(start, path, what, depth, head)
  const elf = files.elf(file)
  if (elf === undefined) return only(unknownFormat(path, what, file.size))
  const findings: CheckFinding[] = []
  if (!runsOn(elf.architecture, start.architecture))
    findings.push(
      finding(
        'WrongArchitecture',
        'error',
        `${shown(path)} is for ${elf.architecture}, the image for ${start.architecture}`,
        {
          path,
          reason: 'A container of this image does not start: "exec format error".',
          remedy: 'Build for the platform, or build the image with the --platform that the program is for.',
        },
      ),
    )
  if (elf.interpreter !== undefined && files.file(elf.interpreter) === undefined)
    findings.push(
      finding(
        'LoaderMissing',
        'error',
        `${shown(path)} needs the loader ${elf.interpreter}, which is not in the image`,
        {
          path,
          reason:
            'The program is linked dynamically. It does not start: "no such file or directory", though the program is there.',
          remedy: elf.interpreter.includes('musl')
            ? 'Copy musl’s loader (package musl) into the image, or link statically.'
            : 'Begin from an image with glibc, copy the loader and its libraries, or link statically (Go: CGO_ENABLED=0).',
        },
      ),
    )
  const { missing: lacking, libraries } =
    elf.interpreter === undefined ? { missing: [], libraries: [] } : loadLibraries(files, path, elf, start.environment)
  // Without a loader, missing libraries are not worth mentioning.
  if (findings.every(({ code }) => code !== 'LoaderMissing'))
    for (const { name, neededBy } of lacking)
      findings.push(
        finding('LibraryMissing', 'error', `${shown(neededBy)} needs ${name}, which its loader does not find`, {
          path: neededBy,
          reason: `${neededBy === path ? 'It does not start' : `${shown(path)} does not start`}: "error while loading shared libraries".`,
          remedy: 'Install the library’s package, or copy the library to where the loader looks.',
        }),
      )
  return { findings, programs: [{ path, file, libraries }] }
}

function checkScript(start: StartContext, path: string, what: string, depth: number, head: Buffer): Checked {
  const [line = ''] = head.toString('utf8', 2).split('\n')
  const [interpreter = '', ...rest] = line.trim().split(/[ \t]+/)
  const problem = (message: string, remedy: string) =>
    only(
      finding('InterpreterMissing', 'error', message, {
        path,
        reason: 'The script does not start: "no such file or directory", though the script is there.',
        remedy,
      }),
    )
  if (interpreter.endsWith('\r') || rest.at(-1)?.endsWith('\r') === true || line.endsWith('\r'))
    return problem(
      `${shown(path)} has Windows line ends: its interpreter is ${JSON.stringify(line.trim() === '' ? '' : `${interpreter.replace('\r', '')}\r`)}`,
      'Save it with LF line ends (.gitattributes: *.sh text eol=lf).',
    )
  const install = 'Install it, or begin from an image that has it.'
  const own = findProgram(start, interpreter)
  if (interpreter === '' || own === undefined || start.files.file(own) === undefined)
    return problem(`${shown(path)} is a script for ${interpreter || 'nothing'}, which is not in the image`, install)
  if (depth >= mostScripts) return { findings: [], programs: [] }
  const below = checkProgram(start, own, what, depth + 1)
  if (!/(?:^|\/)env$/.test(interpreter)) return below
  const words = rest[0] === '-S' ? rest.slice(1) : rest.slice(0, 1)
  const name = words.find((word) => !word.startsWith('-') && !word.includes('='))
  if (name === undefined) return below
  const asked = findProgram(start, name)
  if (asked === undefined || start.files.file(asked) === undefined)
    return problem(`${shown(path)} is a script for ${name}, which is not in PATH`, install)
  const second = checkProgram(start, asked, what, depth + 1)
  return {
    findings: [...below.findings, ...second.findings],
    programs: [...below.programs, ...second.programs],
  }
}

/** Finds a program like execvp(3): without a slash in PATH, otherwise relative to the working directory. */
export function findProgram({ files, environment, folder }: StartContext, name: string): string | undefined {
  if (name === '') return undefined
  if (name.includes('/')) {
    const path = name.startsWith('/') ? name : `${folder}/${name}`
    return files.find(path) === undefined ? undefined : clean(path)
  }
  for (const one of (environment.get('PATH') ?? defaultPath).split(':')) {
    const path = `${one === '' ? folder : one.startsWith('/') ? one : `${folder}/${one}`}/${name}`
    const node = files.find(path)
    if (node?.kind === 'file' && (node.mode & 0o111) !== 0) return clean(path)
  }
  return undefined
}

function clean(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}

function missing(what: string, name: string, { environment, folder }: StartContext): CheckFinding {
  const where = name.includes('/')
    ? name.startsWith('/')
      ? 'which is not in the image'
      : `which is not below ${folder}`
    : `which is in no directory of PATH (${environment.get('PATH') ?? defaultPath})`
  return finding('CommandMissing', 'error', `${what} is ${JSON.stringify(name)}, ${where}`, {
    reason:
      'A container of this image does not start: "no such file or directory", "executable file not found in $PATH".',
    remedy: /[\s;&|]/.test(name)
      ? 'In the JSON form each word is a string of its own: ["program", "argument"].'
      : 'Copy the program into the image, or correct the name.',
  })
}

function unknownFormat(path: string, what: string, size: number): CheckFinding {
  return finding(
    'UnknownFormat',
    'error',
    size === 0
      ? `${what} is ${shown(path)}, which is empty`
      : `${shown(path)} is neither an ELF program nor a script that begins with #!`,
    {
      path,
      reason: 'The kernel cannot start it: "exec format error". A shell would take it for a script of its own.',
      remedy: 'Let a script begin with #!/bin/sh; a program has to be one for Linux.',
    },
  )
}

/** Whether a machine for `image` runs programs for `program`. */
function runsOn(program: string, image: string): boolean {
  if (program === image) return true
  return (image === 'amd64' && program === '386') || (image === 'arm64' && program === 'arm')
}

function shown(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}
