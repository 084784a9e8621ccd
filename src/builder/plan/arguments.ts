import type { Dockerfile } from '../../dockerfile/index.ts'
import { formatPlatform, type Platform } from '../../oci/index.ts'
import type { WordExpander } from './word-expander.ts'

/** Arguments available to FROM, and to stages that declare them without a value. */
export interface GlobalArguments {
  readonly values: ReadonlyMap<string, string>
  /** Names declared before the first FROM, with or without a value. */
  readonly declared: ReadonlySet<string>
  /** Their values without anything from the command line. */
  readonly defaults: ReadonlyMap<string, string>
}

/** (Dockerfile reference, "Automatic platform ARGs in the global scope") */
export function platformArguments(target: Platform, build: Platform, stage: string): Map<string, string> {
  const of = (prefix: string, platform: Platform): [string, string][] => [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform.osVersion ?? ''],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ]
  return new Map([...of('BUILD', build), ...of('TARGET', target), ['TARGETSTAGE', stage]])
}

/** Evaluates the ARGs before the first FROM; a build argument takes precedence over a default. */
export function globalArguments(
  file: Dockerfile,
  platform: ReadonlyMap<string, string>,
  buildArgs: ReadonlyMap<string, string>,
  words: WordExpander,
): GlobalArguments {
  const values = new Map(platform)
  const defaults = new Map(platform)
  for (const name of platform.keys()) if (buildArgs.has(name)) values.set(name, buildArgs.get(name)!)
  const declared = new Set<string>()
  for (const instruction of file.globalArgs) {
    for (const { key, value } of instruction.args) {
      declared.add(key)
      if (value !== undefined) defaults.set(key, words.expandQuietly(value, defaults))
      const given = buildArgs.get(key)
      if (given !== undefined) values.set(key, given)
      else if (value !== undefined) values.set(key, words.expand(value, values, instruction, declared))
    }
  }
  return { values, declared, defaults }
}
