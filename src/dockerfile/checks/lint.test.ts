import { expect, test } from 'vitest'
import { findings, isWanted, looksSecret, parseCheckOptions, parseDockerfile } from '../index.ts'

function warningsOf(text: string): string[] {
  return parseDockerfile(text, 'Dockerfile').warnings.map(
    ({ rule, message, where }) => `${rule}: ${message} (line ${where.line})`,
  )
}

test.each<[string, string[]]>([
  ['FROM a\nRUN b\n', []],
  ['FROM a AS Base\n', ["StageNameCasing: Stage name 'Base' should be lowercase (line 1)"]],
  ['FROM a as b\n', ["FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)"]],
  ['from a AS b\n', ["FromAsCasing: 'AS' and 'from' keywords' casing do not match (line 1)"]],
  [
    'FROM a AS b\nFROM a AS b\n',
    ['DuplicateStageName: Duplicate stage name "b", stage names should be unique (line 2)'],
  ],
  [
    'FROM a AS scratch\nFROM a AS context\nFROM scratch\n',
    [
      'ReservedStageName: Stage name should not use the same name as reserved stage "scratch" (line 1)',
      'ReservedStageName: Stage name should not use the same name as reserved stage "context" (line 2)',
    ],
  ],
  [
    'FROM a\nMAINTAINER x\n',
    ['MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 2)'],
  ],
  [
    'FROM a\nrun b\nRUN c\n',
    ["ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase) (line 2)"],
  ],
  [
    'From a as b\nfrom a as c\n',
    ["ConsistentInstructionCasing: Command 'From' should match the case of the command majority (lowercase) (line 1)"],
  ],
  ['arg x\nFROM a\n', []],
  [
    'FROM a\nENV legacy form\nLABEL b c\n',
    [
      'LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format (line 2)',
      'LegacyKeyValueFormat: "LABEL key=value" should be used instead of legacy "LABEL key value" format (line 3)',
    ],
  ],
  [
    'FROM a\nONBUILD COPPY b c\nONBUILD COPY --frob a b\nONBUILD RUN ok\n',
    [
      'OnbuildTriggerInvalid: ONBUILD trigger will be refused by builds that begin from this image: unknown instruction: COPPY (did you mean COPY?) (line 2)',
      'OnbuildTriggerInvalid: ONBUILD trigger will be refused by builds that begin from this image: unknown flag: --frob (did you mean from?) (line 3)',
    ],
  ],
  ['FROM a\n# check=skip=OnbuildTriggerInvalid\nONBUILD COPPY b c\n', []],
  ['FROM a\nRUN b \\\n\n c\n', ['NoEmptyContinuation: Empty continuation line (line 4)']],
  ['# check=skip=LegacyKeyValueFormat,MaintainerDeprecated\nFROM a\nENV b c\nMAINTAINER x\n', []],
  ['# check=skip=all\nFROM a as B\n', []],
  [
    'FROM a\n# check=skip=LegacyKeyValueFormat\nENV b c\nENV d e\n',
    ['LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format (line 4)'],
  ],
  ['# about\nFROM a AS b\n', []],
  [
    '# check=experimental=all\n# about\nFROM a AS b\n',
    ['InvalidDefinitionDescription: Comment for FROM should follow the format: `# b <description>` (line 3)'],
  ],
  [
    '# check=experimental=InvalidDefinitionDescription;skip=all\nFROM a\n# x\nARG b c\n',
    ['InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>` (line 4)'],
  ],
  ['# check=experimental=all\nFROM a\n# b it is\nARG b c\n', []],
])('%j has the findings %j', (text, warnings) => {
  expect(warningsOf(text)).toEqual(warnings)
})

test('what Docker says only of a stage that is built names the stage', () => {
  const { warnings } = parseDockerfile('FROM a AS B\nFROM a\nENV b c\n', 'Dockerfile')
  expect(warnings.map(({ rule, stage }) => [rule, stage])).toEqual([
    ['StageNameCasing', undefined],
    ['LegacyKeyValueFormat', 1],
  ])
})

test('a finding has the page of its rule', () => {
  expect(findings.jsonArgsRecommended('CMD')).toEqual({
    rule: 'JSONArgsRecommended',
    message: 'JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
    url: 'https://docs.docker.com/go/dockerfile/rule/json-args-recommended/',
  })
  expect(findings.secretsUsedInArgOrEnv('ARG', 'A').url).toMatch(/\/rule\/secrets-used-in-arg-or-env\/$/)
  expect(findings.invalidDefaultArgInFrom('$A').url).toMatch(/\/rule\/invalid-default-arg-in-from\/$/)
})

test.each([
  [findings.undefinedVar('B'), "Usage of undefined variable '$B'"],
  [findings.undefinedVar('PAHT', 'PATH'), "Usage of undefined variable '$PAHT' (did you mean $PATH?)"],
  [findings.undefinedArgInFrom('V', 'W'), "FROM argument 'V' is not declared (did you mean W?)"],
  [
    findings.multipleInstructionsDisallowed('CMD'),
    'Multiple CMD instructions should not be used in the same stage because only the last one will be used',
  ],
  [
    findings.workdirRelativePath('app/'),
    'Relative workdir "app/" can have unexpected results if the base image changes',
  ],
  [
    findings.redundantTargetPlatform('$TARGETPLATFORM'),
    'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
  ],
  [
    findings.fromPlatformFlagConstDisallowed('linux/arm64'),
    'FROM --platform flag should not use constant value "linux/arm64"',
  ],
  [
    findings.secretsUsedInArgOrEnv('ENV', 'TOKEN'),
    'Do not use ARG or ENV instructions for sensitive data (ENV "TOKEN")',
  ],
  [findings.invalidDefaultArgInFrom('a:$V'), 'Default value for ARG a:$V results in empty or invalid base image name'],
  [findings.copyIgnoredFile('Add', 'a'), 'Attempting to Add file "a" that is excluded by .dockerignore'],
  [
    findings.invalidBaseImagePlatform('a', 'linux/amd64', 'linux/arm64'),
    'Base image a was pulled with platform "linux/arm64", expected "linux/amd64" for current build',
  ],
])('%# a finding reads as Docker has it', (found, message) => {
  expect(found.message).toBe(message)
})

test('options are read as in # check=', () => {
  expect(parseCheckOptions('skip=A, B;error=true;experimental=all')).toEqual({
    skip: ['A', 'B'],
    skipAll: false,
    error: true,
    experimental: ['all'],
  })
  expect(parseCheckOptions('skip=all').skipAll).toBe(true)
  expect(parseCheckOptions(' ')).toEqual({ skip: [], skipAll: false, error: false, experimental: [] })
})

test('experimental rules speak only when asked, the others unless told to be silent', () => {
  const none = parseCheckOptions('')
  expect(isWanted(findings.undefinedVar('x'), none, undefined)).toBe(true)
  expect(isWanted(findings.undefinedVar('x'), none, parseCheckOptions('skip=UndefinedVar'))).toBe(false)
  expect(isWanted(findings.invalidDefinitionDescription('ARG', 'x'), none)).toBe(false)
  expect(
    isWanted(
      findings.invalidDefinitionDescription('ARG', 'x'),
      parseCheckOptions('experimental=InvalidDefinitionDescription'),
    ),
  ).toBe(true)
})

test('names of secrets are known by their words', () => {
  const names = [
    'API_KEY',
    'TOKEN',
    'DB_PASSWORD',
    'github_token',
    'AUTH',
    'PUBLIC_KEY',
    'TOKEN_FILE',
    'KEY_VERSION',
    'MONKEY',
    'TOKENS',
    'PATH',
  ]
  expect(names.filter(looksSecret)).toEqual(['API_KEY', 'TOKEN', 'DB_PASSWORD', 'github_token', 'AUTH'])
})
