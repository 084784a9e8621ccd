import type { SourceRange } from '../../support/index.ts'
import type { CheckDirective, Warning } from '../language/index.ts'
import { quote } from '../language/index.ts'

/** The result of a build check, before its location is known and whether it is to be reported. */
export interface Finding {
  readonly rule: string
  readonly message: string
  /** For Docker's own rules. */
  readonly url?: string
}

/** Rules that are off unless `# check=experimental=…` names them. */
const experimental = ['InvalidDefinitionDescription']

function finding(rule: string, message: string): Finding {
  const page = rule.replace(/(?<=[a-z])[A-Z]|(?<=[A-Z])[A-Z](?=[a-z])/g, '-$&').toLowerCase()
  return { rule, message, url: `https://docs.docker.com/go/dockerfile/rule/${page}/` }
}

function meaning(name: string | undefined, mark = ''): string {
  return name === undefined ? '' : ` (did you mean ${mark}${name}?)`
}

/** Docker's build checks, each with its wording (frontend/dockerfile/linter). `instruction` is its name as written. */
export const findings = {
  stageNameCasing: (stage: string) => finding('StageNameCasing', `Stage name '${stage}' should be lowercase`),

  fromAsCasing: (from: string, as: string) =>
    finding('FromAsCasing', `'${as}' and '${from}' keywords' casing do not match`),

  noEmptyContinuation: () => finding('NoEmptyContinuation', 'Empty continuation line'),

  consistentInstructionCasing: (instruction: string, majority: 'uppercase' | 'lowercase') =>
    finding(
      'ConsistentInstructionCasing',
      `Command '${instruction}' should match the case of the command majority (${majority})`,
    ),

  duplicateStageName: (stage: string) =>
    finding('DuplicateStageName', `Duplicate stage name ${quote(stage)}, stage names should be unique`),

  reservedStageName: (stage: string) =>
    finding('ReservedStageName', `Stage name should not use the same name as reserved stage ${quote(stage)}`),

  jsonArgsRecommended: (instruction: string) =>
    finding(
      'JSONArgsRecommended',
      `JSON arguments recommended for ${instruction} to prevent unintended behavior related to OS signals`,
    ),

  maintainerDeprecated: () =>
    finding('MaintainerDeprecated', 'Maintainer instruction is deprecated in favor of using label'),

  undefinedArgInFrom: (name: string, meant?: string) =>
    finding('UndefinedArgInFrom', `FROM argument '${name}' is not declared${meaning(meant)}`),

  workdirRelativePath: (path: string) =>
    finding(
      'WorkdirRelativePath',
      `Relative workdir ${quote(path)} can have unexpected results if the base image changes`,
    ),

  undefinedVar: (name: string, meant?: string) =>
    finding('UndefinedVar', `Usage of undefined variable '$${name}'${meaning(meant, '$')}`),

  multipleInstructionsDisallowed: (instruction: string) =>
    finding(
      'MultipleInstructionsDisallowed',
      `Multiple ${instruction} instructions should not be used in the same stage because only the last one will be used`,
    ),

  legacyKeyValueFormat: (instruction: string) =>
    finding(
      'LegacyKeyValueFormat',
      `"${instruction} key=value" should be used instead of legacy "${instruction} key value" format`,
    ),

  invalidBaseImagePlatform: (image: string, expected: string, actual: string) =>
    finding(
      'InvalidBaseImagePlatform',
      `Base image ${image} was pulled with platform ${quote(actual)}, expected ${quote(expected)} for current build`,
    ),

  redundantTargetPlatform: (platform: string) =>
    finding(
      'RedundantTargetPlatform',
      `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`,
    ),

  secretsUsedInArgOrEnv: (instruction: 'ARG' | 'ENV', key: string) =>
    finding(
      'SecretsUsedInArgOrEnv',
      `Do not use ARG or ENV instructions for sensitive data (${instruction} ${quote(key)})`,
    ),

  invalidDefaultArgInFrom: (base: string) =>
    finding('InvalidDefaultArgInFrom', `Default value for ARG ${base} results in empty or invalid base image name`),

  fromPlatformFlagConstDisallowed: (platform: string) =>
    finding('FromPlatformFlagConstDisallowed', `FROM --platform flag should not use constant value ${quote(platform)}`),

  copyIgnoredFile: (command: 'Copy' | 'Add', path: string) =>
    finding('CopyIgnoredFile', `Attempting to ${command} file ${quote(path)} that is excluded by .dockerignore`),

  invalidDefinitionDescription: (instruction: 'FROM' | 'ARG', name: string) =>
    finding(
      'InvalidDefinitionDescription',
      `Comment for ${instruction} should follow the format: \`# ${name} <description>\``,
    ),

  exposeProtoCasing: (port: string) =>
    finding('ExposeProtoCasing', `Defined protocol '${port}' in EXPOSE instruction should be lowercase`),

  exposeInvalidFormat: (port: string) =>
    finding(
      'ExposeInvalidFormat',
      `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
    ),

  /** Docker reports this only when an image with the trigger is used as a base. */
  onbuildTriggerInvalid: (why: string): Finding => ({
    rule: 'OnbuildTriggerInvalid',
    message: `ONBUILD trigger will be refused by builds that begin from this image: ${why}`,
  }),
}

/** Whether a finding should be reported, given the file's `# check=` and the one above the instruction. */
export function isWanted(found: Finding, ...options: readonly (CheckDirective | undefined)[]): boolean {
  const said = options.filter((some) => some !== undefined)
  if (experimental.includes(found.rule)) {
    return said.some((some) => some.experimental.includes('all') || some.experimental.includes(found.rule))
  }
  return !said.some(({ skipAll, skip }) => skipAll || skip.includes(found.rule))
}

/** Returns the warning for a finding at a location. */
export function warning(found: Finding, where: SourceRange): Warning {
  return { ...found, where }
}

const secretName = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i
const harmlessName = /(?:_|^)(?:public|file|version)(?:_|$)/i

/** Whether a variable's name suggests that it holds a secret (for `secretsUsedInArgOrEnv`). */
export function looksSecret(name: string): boolean {
  return secretName.test(name) && !harmlessName.test(name)
}
