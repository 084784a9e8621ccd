import type { From, Instruction } from '../language/index.ts'
import { didYouMean, refusal, trim } from '../language/index.ts'
import type { Statement } from '../syntax/index.ts'
import { checkOptionsAbove, given } from '../syntax/index.ts'
import { readCmd, readEntrypoint, readShell } from './command.ts'
import { readAdd, readCopy } from './copy.ts'
import { readFrom } from './from.ts'
import { readHealthcheck } from './healthcheck.ts'
import {
  readArg,
  readEnv,
  readExpose,
  readLabel,
  readMaintainer,
  readStopSignal,
  readUser,
  readVolume,
  readWorkdir,
} from './metadata.ts'
import { readOnbuild } from './onbuild.ts'
import { readRun } from './run.ts'

const readers = {
  ADD: readAdd,
  ARG: readArg,
  CMD: readCmd,
  COPY: readCopy,
  ENTRYPOINT: readEntrypoint,
  ENV: readEnv,
  EXPOSE: readExpose,
  FROM: readFrom,
  HEALTHCHECK: readHealthcheck,
  LABEL: readLabel,
  MAINTAINER: readMaintainer,
  ONBUILD: readOnbuild,
  RUN: readRun,
  SHELL: readShell,
  STOPSIGNAL: readStopSignal,
  USER: readUser,
  VOLUME: readVolume,
  WORKDIR: readWorkdir,
}

/** Reads a statement as an instruction. Throws errors without a location. */
export function readInstruction(statement: Statement): Instruction | From {
  const { kind, name, line, heredocs, where, comments } = statement
  if (!isKnown(kind)) throw unknownInstruction(name)
  const source = [trim(line), ...heredocs.map(({ raw, name }) => raw + name)].join('\n')
  return { ...readers[kind](statement), where, source, ...given({ check: checkOptionsAbove(comments) }) }
}

function isKnown(kind: string): kind is keyof typeof readers {
  return Object.hasOwn(readers, kind)
}

function unknownInstruction(name: string): Error {
  const meant = didYouMean(name, Object.keys(readers), true)
  const remedy = 'If this continues the line above, that one must end with the escape character.'
  const message = `unknown instruction: ${name}${meant}`
  return refusal('DOCKERFILE_UNKNOWN_INSTRUCTION', message, meant === '' ? remedy : undefined)
}
