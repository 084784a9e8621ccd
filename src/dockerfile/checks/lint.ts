import type { SourceRange } from '../../support/index.ts'
import type { CheckDirective, From, Instruction, Warning } from '../language/index.ts'
import type { Statement } from '../syntax/index.ts'
import { type Finding, findings, isWanted, warning } from './checks.ts'

/** A statement and the instruction it was read as; `stage` is the stage containing it, undefined before the first FROM. */
export interface Reading {
  readonly statement: Statement
  readonly instruction: Instruction | From
  readonly stage: number | undefined
}

/** Runs the build checks that need only the text, in BuildKit's order. */
export function lint(readings: readonly Reading[], options: CheckDirective): Warning[] {
  const warnings: Warning[] = []
  const report = (
    { instruction, stage }: Reading,
    found: Finding,
    where = instruction.where,
    ifBuilt = false,
  ): void => {
    if (!isWanted(found, options, instruction.check)) return
    const warned = warning(found, where)
    warnings.push(ifBuilt && stage !== undefined ? { ...warned, stage } : warned)
  }
  for (const reading of readings) {
    if (!reading.statement.hasBlankContinuation) continue
    report(reading, findings.noEmptyContinuation(), lastLineOf(reading.statement))
  }
  for (const reading of readings) for (const found of checkAlone(reading)) report(reading, found)
  checkStageNames(readings, report)
  checkCasing(readings, report)
  for (const reading of readings) {
    const { instruction, statement } = reading
    if ((instruction.kind !== 'ENV' && instruction.kind !== 'LABEL') || !instruction.legacy) continue
    report(reading, findings.legacyKeyValueFormat(statement.name), instruction.where, true)
  }
  return warnings
}

type Report = (reading: Reading, found: Finding) => void

function lastLineOf({ where, lastLine }: Statement): SourceRange {
  return { ...where, line: lastLine, endLine: lastLine }
}

function checkAlone({ statement, instruction }: Reading): Finding[] {
  if (instruction.kind === 'MAINTAINER') return [findings.maintainerDeprecated()]
  if (instruction.kind === 'ONBUILD')
    return instruction.wrong === undefined ? [] : [findings.onbuildTriggerInvalid(instruction.wrong)]
  if (instruction.kind === 'ARG')
    return checkDescription(
      'ARG',
      instruction.args.map(({ key }) => key),
      statement,
    )
  if (instruction.kind !== 'FROM' || instruction.as === undefined) return []
  const { as } = instruction
  const found: Finding[] = []
  if (as !== as.toLowerCase()) found.push(findings.stageNameCasing(as))
  const { name: from, words } = statement
  const keyword = words[1]!
  if (isOneCase(from) && keyword !== (from === from.toLowerCase() ? keyword.toLowerCase() : keyword.toUpperCase())) {
    found.push(findings.fromAsCasing(from, keyword))
  }
  return [...found, ...checkDescription('FROM', [as.toLowerCase()], statement)]
}

/** A comment right above counts as a description only if it starts with a name defined here. */
function checkDescription(instruction: 'FROM' | 'ARG', names: readonly string[], { comments }: Statement): Finding[] {
  const word = comments.at(-1)?.split(' ')[0]
  if (word === undefined || names.includes(word)) return []
  return [findings.invalidDefinitionDescription(instruction, names.length > 1 ? '<arg_key>' : names[0]!)]
}

function checkStageNames(readings: readonly Reading[], report: Report): void {
  const seen = new Set<string>()
  for (const reading of readings) {
    if (reading.instruction.kind !== 'FROM' || reading.instruction.as === undefined) continue
    const name = reading.instruction.as.toLowerCase()
    if (name === 'scratch' || name === 'context') report(reading, findings.reservedStageName(name))
    if (seen.has(name)) report(reading, findings.duplicateStageName(name))
    seen.add(name)
  }
}

/** Instructions should all have the case that most of them have. ARGs before the first FROM are not checked. */
function checkCasing(readings: readonly Reading[], report: Report): void {
  const inStages = readings.filter(({ stage }) => stage !== undefined)
  const names = inStages.map(({ statement }) => statement.name).filter(isOneCase)
  const lower = names.filter((name) => name === name.toLowerCase()).length
  const isLower = lower > names.length - lower
  for (const reading of inStages) {
    const { name } = reading.statement
    if (name === (isLower ? name.toLowerCase() : name.toUpperCase())) continue
    report(reading, findings.consistentInstructionCasing(name, isLower ? 'lowercase' : 'uppercase'))
  }
}

function isOneCase(name: string): boolean {
  return name === name.toLowerCase() || name === name.toUpperCase()
}
