import type { Instruction, Lookup } from '../../dockerfile/index.ts'
import type { ContainerConfig, ImageConfig, Platform } from '../../oci/index.ts'
import type { HistoryStep, OperationId } from './types.ts'

/** (BuildKit, util/system) */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export type MutableConfig = { -readonly [key in keyof ContainerConfig]: ContainerConfig[key] }

/** How far a stage has come while its instructions are read one after the other. */
export interface StageState {
  /** Its name, or its number. */
  readonly name: string
  readonly platform: Platform
  /** The image it began with, if it was one. */
  readonly base: ImageConfig | undefined
  root: OperationId
  readonly config: MutableConfig
  author: string | undefined
  readonly history: HistoryStep[]
  /** What words are expanded with and RUN sees: ENV and ARG, the last one said counts. */
  readonly variables: Map<string, string>
  /** Names of ARGs in the order they were first declared, with or without a value. */
  readonly declared: Set<string>
  /** Whether CMD was set in this stage: then ENTRYPOINT leaves it. */
  commandSet: boolean
  /** Whether WORKDIR was said in this stage or in one that it begins from. */
  workdirSet: boolean
  /** Instructions of this stage of which only the last one counts. */
  readonly single: Map<'CMD' | 'ENTRYPOINT' | 'HEALTHCHECK', Instruction>
  /** The prefix of titles, `stage-1 `; and how many steps there are and have been told. */
  readonly prefix: string
  readonly steps: number
  step: number
}

/** Sets a variable in the image's Env: in its place if it has one, else at the end. */
export function setEnv(config: MutableConfig, key: string, value: string): void {
  const env = [...(config.Env ?? [])]
  const place = env.findIndex((line) => line.split('=', 1)[0] === key)
  if (place < 0) env.push(`${key}=${value}`)
  else env[place] = `${key}=${value}`
  config.Env = env
}

export function envOf(config: ContainerConfig): [string, string][] {
  return (config.Env ?? []).map((line): [string, string] => {
    const equals = line.indexOf('=')
    return equals < 0 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)]
  })
}

/** The config without members that say nothing: older builders wrote nulls. */
export function cleanConfig(config: ContainerConfig): MutableConfig {
  return Object.fromEntries(
    Object.entries(config).filter(([, value]) => value !== null && value !== undefined),
  ) as MutableConfig
}

/** A path joined to the working directory and cleaned; always absolute. */
export function absolutePath(workdir: string, path: string): string {
  const parts: string[] = []
  for (const part of (path.startsWith('/') ? path : `${workdir}/${path}`).split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** Whether the instruction makes a layer, and so counts among a stage's steps. */
export function makesLayer(instruction: Instruction): boolean {
  return (
    instruction.kind === 'COPY' ||
    instruction.kind === 'ADD' ||
    instruction.kind === 'RUN' ||
    instruction.kind === 'WORKDIR'
  )
}

export type Variables = Lookup
