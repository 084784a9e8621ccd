/** What can be given to the build of a target: what `tare build --call=outline` shows. */
export interface DockerfileOutline {
  /** The target's name, in lower case. */
  readonly name?: string
  /** From the comment above it: `# NAME what it is`. */
  readonly description?: string
  /** The build arguments that it and the stages it needs declare, by line. */
  readonly args: readonly OutlineArg[]
  readonly secrets: readonly OutlineMount[]
  readonly ssh: readonly OutlineMount[]
  /** The Dockerfile. */
  readonly source: string
}

/** Lines of the Dockerfile, from 1. */
export interface OutlineLines {
  readonly line: number
  readonly endLine: number
}

/** A build argument. */
export interface OutlineArg extends OutlineLines {
  readonly name: string
  readonly description?: string
  /** That it has in this build; empty for none. */
  readonly value: string
}

/** A secret or an SSH agent that RUN mounts. */
export interface OutlineMount extends OutlineLines {
  readonly name: string
  readonly required: boolean
}

/** The stages of a Dockerfile: what `tare build --call=targets` lists. */
export interface DockerfileTargets {
  readonly targets: readonly DockerfileTarget[]
  /** The Dockerfile. */
  readonly source: string
}

/** A stage. */
export interface DockerfileTarget extends OutlineLines {
  /** In lower case; none for a stage without a name. */
  readonly name?: string
  readonly description?: string
  /** Whether it is built if no other is asked for. */
  readonly isDefault: boolean
  /** As written, like the platform. */
  readonly base: string
  readonly platform?: string
}
