import type { Instruction, Lookup } from '../../dockerfile/index.ts'
import type { ContainerConfig, ImageConfig, Platform } from '../../oci/index.ts'
import type { Additions } from './additions.ts'
import type { OperationId } from './types.ts'

export type MutableConfig = { -readonly [key in keyof ContainerConfig]: ContainerConfig[key] } & {
  /** Those of the stage itself. */
  OnBuild?: string[]
}

/** The state of a stage while its instructions are processed. */
export interface StageState {
  /** Its name or number. */
  readonly name: string
  readonly platform: Platform
  /** The image it started from, if any. */
  readonly base: ImageConfig | undefined
  root: OperationId
  readonly config: MutableConfig
  /** What instructions have added to the config besides, and to the history. */
  readonly additions: Additions
  author: string | undefined
  /** Variables for expansion and RUN: ENV and ARG, the last one counts. */
  readonly variables: Map<string, string>
  /** Names of ARGs in the order of their first declaration, with or without a value. */
  readonly declared: Set<string>
  /** Whether this stage set CMD, so that ENTRYPOINT does not clear it. */
  commandSet: boolean
  /** Whether this stage, or one it starts from, set WORKDIR. */
  workdirSet: boolean
  /** Instructions of which only the last one has an effect. */
  readonly single: Map<'CMD' | 'ENTRYPOINT' | 'HEALTHCHECK', Instruction>
  /** The prefix of titles, `stage-1 `, and the number of steps in total and so far. */
  readonly prefix: string
  readonly steps: number
  step: number
}

export function envOf(config: ContainerConfig): [string, string][] {
  return (config.Env ?? []).map((line): [string, string] => {
    const equals = line.indexOf('=')
    return equals < 0 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)]
  })
}

/** Returns the config without empty members: older builders wrote nulls. */
export function cleanConfig(config: ContainerConfig): MutableConfig {
  return Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== null && value !== undefined),
  ) as MutableConfig
}

/** Joins a path to the working directory and normalizes it; always absolute. */
export function absolutePath(workdir: string, path: string): string {
  const parts: string[] = []
  for (const part of (path.startsWith('/') ? path : `${workdir}/${path}`).split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** Whether the instruction makes a layer, and so counts as a step. */
export function makesLayer(instruction: Instruction): boolean {
  return (
    instruction.kind === 'COPY' ||
    instruction.kind === 'ADD' ||
    instruction.kind === 'RUN' ||
    instruction.kind === 'WORKDIR'
  )
}

export type Variables = Lookup
