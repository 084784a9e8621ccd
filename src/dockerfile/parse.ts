import { locate, messageOf, type SourceRange, TareError } from '../support/index.ts'
import { lint, type Reading } from './checks/index.ts'
import { describedAs, readInstruction, refuseTrigger } from './instructions/index.ts'
import type { Arg, Dockerfile, From, Instruction, Stage } from './language/index.ts'
import { onLine, refusal } from './language/index.ts'
import { given, readStatements, refuseWideCharacters, type Statement } from './syntax/index.ts'

/**
 * Parses a Dockerfile. `file` is its name in messages. Throws a TareError with a location and BuildKit's wording at the first
 * error; errors of syntax come before errors of content.
 */
export function parseDockerfile(text: string, file: string): Dockerfile {
  const whole: SourceRange = { file, line: 1, endLine: 1, text }
  if (text === '') {
    const remedy = `Start ${file} with FROM and a base image.`
    throw locate(refusal('DOCKERFILE_EMPTY', 'the Dockerfile cannot be empty', remedy), whole)
  }
  refuseWideCharacters(text, file)
  const { statements, directives } = readStatements(text, file)
  if (statements.length === 0) throw locate(refusal('DOCKERFILE_EMPTY', 'file with no instructions'), whole)
  const readings = readAll(statements)
  if (readings.at(-1)!.stage === undefined) {
    const remedy = 'Add a FROM with a base image; FROM scratch starts empty.'
    throw locate(refusal('DOCKERFILE_STAGE', 'dockerfile contains no stages to build', remedy), whole)
  }
  return {
    file,
    text,
    escape: directives.escape,
    ...given({ syntax: directives.syntax }),
    check: directives.check,
    globalArgs: readings.flatMap(({ stage, instruction }) => (stage === undefined ? (instruction as Arg) : [])),
    stages: groupStages(readings),
    warnings: lint(readings, directives.check),
  }
}

function readAll(statements: readonly Statement[]): Reading[] {
  let stage: number | undefined
  return statements.map((statement) => {
    const instruction = readOne(statement)
    if (instruction.kind === 'FROM') stage = (stage ?? -1) + 1
    if (stage === undefined && instruction.kind !== 'ARG') {
      const remedy = 'Only ARG may come before the first FROM.'
      throw locate(refusal('DOCKERFILE_STAGE', 'no build stage in current context', remedy), statement.where)
    }
    return { statement, instruction, stage }
  })
}

function readOne(statement: Statement): Instruction | From {
  try {
    const instruction = readInstruction(statement)
    if (instruction.kind !== 'ONBUILD') return instruction
    const wrong = whyNot(instruction.trigger, statement.where)
    return wrong === undefined ? instruction : { ...instruction, wrong }
  } catch (error) {
    throw onLine(error, statement.where)
  }
}

/** Returns why a trigger will be refused when it runs, or undefined. Docker accepts it until then. */
function whyNot(trigger: string, where: SourceRange): string | undefined {
  try {
    readTrigger(trigger, where)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function groupStages(readings: readonly Reading[]): Stage[] {
  const stages: (Stage & { instructions: Instruction[] })[] = []
  for (const { instruction, statement } of readings) {
    if (instruction.kind !== 'FROM') stages.at(-1)?.instructions.push(instruction)
    else {
      const name = instruction.as?.toLowerCase()
      const description = name === undefined ? undefined : describedAs(name, statement.comments)
      stages.push({ index: stages.length, from: instruction, instructions: [], ...given({ name, description }) })
    }
  }
  return stages
}

/**
 * Parses a trigger from an image config's OnBuild, heredocs included. `where` is the FROM that brings it in. The escape character
 * is always `\` here, whatever that image's Dockerfile used.
 */
export function parseTrigger(trigger: string, where: SourceRange): Instruction {
  try {
    return readTrigger(trigger, where)
  } catch (error) {
    throw locate(error, where)
  }
}

function readTrigger(trigger: string, where: SourceRange): Instruction {
  const statements = readTriggerStatements(trigger)
  const [statement] = statements
  if (statement === undefined || statements.length > 1) {
    throw refusal('DOCKERFILE_ONBUILD', 'onbuild trigger should be a single expression')
  }
  refuseTrigger(statement.kind)
  return readInstruction({ ...statement, where }) as Instruction
}

function readTriggerStatements(trigger: string): readonly Statement[] {
  try {
    return readStatements(trigger, 'ONBUILD').statements
  } catch (error) {
    // Line numbers of the trigger would be useless: it is not in any file.
    if (!(error instanceof TareError)) throw error
    throw new TareError(error.code, error.message, { remedy: error.remedy, cause: error })
  }
}
