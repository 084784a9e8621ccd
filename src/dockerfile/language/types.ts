import type { SourceRange } from '../../support/index.ts'

/** A parsed Dockerfile. Nothing is expanded yet: words are as written, with quotes and variables. */
export interface Dockerfile {
  readonly file: string
  readonly text: string
  readonly escape: '\\' | '`'
  /** The image named by `# syntax=`. */
  readonly syntax?: string
  readonly check: CheckDirective
  /** ARG instructions before the first FROM. */
  readonly globalArgs: readonly Arg[]
  readonly stages: readonly Stage[]
  /** Findings of the build checks that need no variables; the plan adds the others. */
  readonly warnings: readonly Warning[]
}

/** `# check=skip=A,B;error=true;experimental=…`. `experimental=all` is the list `['all']`. */
export interface CheckDirective {
  readonly skip: readonly string[]
  readonly skipAll: boolean
  readonly error: boolean
  readonly experimental: readonly string[]
}

/** A build check's finding. `rule` is as in Docker's documentation (`StageNameCasing`); tare's own rules have no `url`. */
export interface Warning {
  readonly rule: string
  readonly message: string
  readonly url?: string
  readonly where: SourceRange
  /** Set if Docker reports this only when the stage is built. */
  readonly stage?: number
}

export interface Stage {
  readonly index: number
  /** Lower case, as in BuildKit. */
  readonly name?: string
  /** The comment directly above: `# NAME what it is`. */
  readonly description?: string
  readonly from: From
  readonly instructions: readonly Instruction[]
}

interface Common {
  readonly where: SourceRange
  /**
   * The instruction as written: continuation lines joined, comments dropped, heredoc bodies included. The first line is the
   * instruction without those bodies.
   */
  readonly source: string
  /** From `# check=…` directly above; applies to this instruction only. */
  readonly check?: CheckDirective
}

/** A heredoc, for example `<<-EOF`. `body` has its leading tabs removed if `-` asks for it. */
export interface Heredoc {
  readonly name: string
  readonly body: string
  /** The body with its tabs: what a shell gets when it reads the heredoc itself. */
  readonly raw: string
  /** False if the delimiter was quoted: variables in the body are then not expanded. */
  readonly expand: boolean
  readonly stripTabs: boolean
  /** The file descriptor before `<<`. Default: 0. */
  readonly descriptor: number
}

/** A command line. In JSON form `words` are the arguments; in shell form the single word is for the shell. */
export interface CommandLine {
  readonly form: 'exec' | 'shell'
  readonly words: readonly string[]
}

export interface KeyValue {
  readonly key: string
  readonly value: string
}

export interface From extends Common {
  readonly kind: 'FROM'
  readonly base: string
  readonly platform?: string
  /** The name after AS, as written. */
  readonly as?: string
}

/** `value` is undefined for `ARG NAME`. */
export interface ArgPair {
  readonly key: string
  readonly value?: string
  /** The comment directly above: `# NAME what it is`. */
  readonly description?: string
}

export interface Arg extends Common {
  readonly kind: 'ARG'
  readonly args: readonly ArgPair[]
}

export interface Env extends Common {
  readonly kind: 'ENV'
  readonly pairs: readonly KeyValue[]
  /** `ENV KEY the rest of the line`. */
  readonly legacy: boolean
}

export interface Label extends Common {
  readonly kind: 'LABEL'
  readonly pairs: readonly KeyValue[]
  readonly legacy: boolean
}

/** What COPY and ADD share. Heredoc sources are in `heredocs`, others in `sources`, both in the order written. */
interface CopyLike extends Common {
  readonly sources: readonly string[]
  readonly heredocs: readonly Heredoc[]
  readonly to: string
  readonly chown?: string
  readonly chmod?: string
  readonly link: boolean
  readonly exclude: readonly string[]
  readonly json: boolean
}

export interface Copy extends CopyLike {
  readonly kind: 'COPY'
  readonly from?: string
  readonly parents: boolean
}

export interface Add extends CopyLike {
  readonly kind: 'ADD'
  readonly checksum?: string
  readonly keepGitDir?: boolean
  readonly unpack?: boolean
}

export interface Run extends Common {
  readonly kind: 'RUN'
  readonly command: CommandLine
  /** With heredocs in shell form, `command.words[0]` is the text after RUN and its flags, without the bodies. */
  readonly heredocs: readonly Heredoc[]
  /** The values of --mount as written; `parseMount` expands and parses them. */
  readonly mounts: readonly string[]
  readonly network?: string
  readonly security?: string
  readonly devices: readonly string[]
}

export interface Cmd extends Common {
  readonly kind: 'CMD'
  readonly command: CommandLine
}

export interface Entrypoint extends Common {
  readonly kind: 'ENTRYPOINT'
  readonly command: CommandLine
}

export interface Shell extends Common {
  readonly kind: 'SHELL'
  readonly shell: readonly string[]
}

export interface Workdir extends Common {
  readonly kind: 'WORKDIR'
  readonly path: string
}

export interface User extends Common {
  readonly kind: 'USER'
  readonly user: string
}

export interface Expose extends Common {
  readonly kind: 'EXPOSE'
  /** As written, not yet expanded (see `expandWords`), sorted by their bytes. */
  readonly ports: readonly string[]
}

export interface Volume extends Common {
  readonly kind: 'VOLUME'
  readonly paths: readonly string[]
}

export interface StopSignal extends Common {
  readonly kind: 'STOPSIGNAL'
  readonly signal: string
}

/** Durations in nanoseconds. A value of 0 counts as not given: an image config cannot tell them apart either. */
export interface HealthcheckInstruction extends Common {
  readonly kind: 'HEALTHCHECK'
  readonly test: readonly string[]
  readonly interval?: number
  readonly timeout?: number
  readonly startPeriod?: number
  readonly startInterval?: number
  readonly retries?: number
}

export interface Onbuild extends Common {
  readonly kind: 'ONBUILD'
  /** The trigger's text, as stored in the image config. */
  readonly trigger: string
  /** Why the trigger will be refused when it runs. */
  readonly wrong?: string
}

export interface Maintainer extends Common {
  readonly kind: 'MAINTAINER'
  readonly author: string
}

export type Instruction =
  | Arg
  | Env
  | Label
  | Copy
  | Add
  | Run
  | Cmd
  | Entrypoint
  | Shell
  | Workdir
  | User
  | Expose
  | Volume
  | StopSignal
  | HealthcheckInstruction
  | Onbuild
  | Maintainer

/** A parsed and checked `RUN --mount`. */
export interface Mount {
  readonly type: 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh'
  readonly target?: string
  readonly source?: string
  readonly from?: string
  readonly id?: string
  readonly readonly: boolean
  readonly sharing: 'shared' | 'private' | 'locked'
  readonly required: boolean
  /** For tmpfs, in bytes. */
  readonly size?: number
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** For secrets: the variable that receives the value. */
  readonly env?: string
}
