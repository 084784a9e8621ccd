import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../test/kit/scale.ts'
import { TareError } from '../support/index.ts'
import { type Instruction, parseDockerfile } from './index.ts'

/** The instructions below `FROM scratch`, without their places. */
function read(lines: string): Instruction[] {
  return [...parseDockerfile(`FROM scratch\n${lines}\n`, 'Dockerfile').stages[0]!.instructions]
}

function readOne(line: string): Instruction {
  const [instruction, ...more] = read(line)
  expect(more).toEqual([])
  return instruction!
}

test('a file has global arguments and stages, each with its lines', () => {
  const text = '# syntax=docker/dockerfile:1\nARG V=1\nFROM --platform=$P img:$V AS Base\nRUN a \\\n  b\nfrom base\n'
  const file = parseDockerfile(text, 'some/Dockerfile')
  expect(file.syntax).toBe('docker/dockerfile:1')
  expect(file.globalArgs).toMatchObject([{ kind: 'ARG', args: [{ key: 'V', value: '1' }], where: { line: 2 } }])
  expect(file.stages).toMatchObject([
    {
      index: 0,
      name: 'base',
      from: { kind: 'FROM', base: 'img:$V', as: 'Base', platform: '$P' },
      instructions: [
        {
          kind: 'RUN',
          source: 'RUN a   b',
          command: { form: 'shell', words: ['a   b'] },
          where: { file: 'some/Dockerfile', line: 4, endLine: 5, text },
        },
      ],
    },
    { index: 1, from: { base: 'base' }, instructions: [] },
  ])
  expect(file.stages[1]).not.toHaveProperty('name')
})

test.each<[string, object]>([
  ['RUN a', { kind: 'RUN', command: { form: 'shell', words: ['a'] }, heredocs: [], mounts: [], devices: [] }],
  ['RUN', { kind: 'RUN', command: { form: 'shell', words: [''] } }],
  ['RUN ["a", "b c"]', { command: { form: 'exec', words: ['a', 'b c'] } }],
  ['RUN  [ "a" ] ', { command: { form: 'exec', words: ['a'] } }],
  ["RUN ['a']", { command: { form: 'shell', words: ["['a']"] } }],
  ['RUN ["a",]', { command: { form: 'shell', words: ['["a",]'] } }],
  ['RUN ["a"] # no', { command: { form: 'shell', words: ['["a"] # no'] } }],
  ['RUN\ta\tb', { command: { form: 'shell', words: ['a\tb'] } }],
  ['RUN a "$B" \'c\' \\d  # e', { command: { form: 'shell', words: ['a "$B" \'c\' \\d  # e'] } }],
  [
    'RUN --mount=type=cache,target=/x --network=none --mount="target=/a b" --security=insecure --device=a.b/c=d,required a',
    {
      mounts: ['type=cache,target=/x', 'target=/a b'],
      network: 'none',
      security: 'insecure',
      devices: ['a.b/c=d,required'],
      command: { form: 'shell', words: ['a'] },
    },
  ],
  ['RUN -- --x', { command: { form: 'shell', words: ['--x'] } }],
  ['CMD a b', { kind: 'CMD', command: { form: 'shell', words: ['a b'] } }],
  ['CMD []', { kind: 'CMD', command: { form: 'exec', words: [] } }],
  ['CMD', { kind: 'CMD', command: { form: 'shell', words: [''] } }],
  ['ENTRYPOINT []x', { kind: 'ENTRYPOINT', command: { form: 'shell', words: ['[]x'] } }],
  ['SHELL ["a", "-c"]', { kind: 'SHELL', shell: ['a', '-c'] }],
  [
    'COPY a b c/',
    { kind: 'COPY', sources: ['a', 'b'], to: 'c/', link: false, parents: false, exclude: [], json: false },
  ],
  ['COPY ["a b", "c"]', { sources: ['a b'], to: 'c', json: true }],
  ['COPY "a b" c', { sources: ['"a', 'b"'], to: 'c', json: false }],
  [
    'COPY --from=x --chown=a:b --chmod=$M --link --parents=false --exclude=*.md --exclude=x a b',
    { from: 'x', chown: 'a:b', chmod: '$M', link: true, parents: false, exclude: ['*.md', 'x'] },
  ],
  ['COPY --chown="a b" --link=TRUE x y', { chown: 'a b', link: true }],
  ['COPY --chown=a\\ b x y', { chown: 'a b' }],
  ['ADD a b', { kind: 'ADD', sources: ['a'], to: 'b', link: false }],
  [
    'ADD --checksum=sha256:1 --keep-git-dir=true --unpack=false https://x/y z',
    { checksum: 'sha256:1', keepGitDir: true, unpack: false },
  ],
  [
    'ENV a=1 b="two words" c=th\\ ree d= "e f"=g h=\'i j\'k',
    {
      kind: 'ENV',
      legacy: false,
      pairs: [
        { key: 'a', value: '1' },
        { key: 'b', value: '"two words"' },
        { key: 'c', value: 'th\\ ree' },
        { key: 'd', value: '' },
        { key: '"e f"', value: 'g' },
        { key: 'h', value: "'i j'k" },
      ],
    },
  ],
  ['ENV a   b  "c" d=e', { legacy: true, pairs: [{ key: 'a', value: 'b  "c" d=e' }] }],
  ['LABEL a=b=c', { kind: 'LABEL', legacy: false, pairs: [{ key: 'a', value: 'b=c' }] }],
  ['LABEL a b', { legacy: true }],
  [
    'ARG a b=1 c= d="x y"',
    {
      kind: 'ARG',
      args: [{ key: 'a' }, { key: 'b', value: '1' }, { key: 'c', value: '' }, { key: 'd', value: '"x y"' }],
    },
  ],
  ['EXPOSE 80 443/tcp $P 53/udp', { kind: 'EXPOSE', ports: ['$P', '443/tcp', '53/udp', '80'] }],
  ['VOLUME /a  /b', { kind: 'VOLUME', paths: ['/a', '/b'] }],
  ['VOLUME ["/a b", " /c "]', { paths: ['/a b', '/c'] }],
  ['USER a b', { kind: 'USER', user: 'a b' }],
  ['WORKDIR "/a b"/c ', { kind: 'WORKDIR', path: '"/a b"/c' }],
  ['STOPSIGNAL $S', { kind: 'STOPSIGNAL', signal: '$S' }],
  ['MAINTAINER Jane <j@x>', { kind: 'MAINTAINER', author: 'Jane <j@x>' }],
  ['HEALTHCHECK NONE', { kind: 'HEALTHCHECK', test: ['NONE'] }],
  ['HEALTHCHECK cmd a b', { test: ['CMD-SHELL', 'a b'] }],
  ['HEALTHCHECK CMD ["a", "b"]', { test: ['CMD', 'a', 'b'] }],
  [
    'HEALTHCHECK --interval=5m --timeout=3s --start-period=1s --start-interval=500ms --retries=4 CMD a',
    { interval: 300e9, timeout: 3e9, startPeriod: 1e9, startInterval: 5e8, retries: 4 },
  ],
  ['ONBUILD RUN  a ', { kind: 'ONBUILD', trigger: 'RUN  a ' }],
  ['onbuild\tcopy a b', { trigger: 'copy a b' }],
])('%s is read with all its parts', (line, expected) => {
  expect(readOne(line)).toMatchObject(expected)
})

test('durations and retries of 0 are as if they had not been given', () => {
  const check = readOne('HEALTHCHECK --interval=0s --retries=0 --start-period=0 CMD a')
  expect(check).toEqual({
    kind: 'HEALTHCHECK',
    test: ['CMD-SHELL', 'a'],
    source: expect.any(String),
    where: expect.any(Object),
  })
})

test('lines are joined with nothing between; comments go, blank lines go with a warning', () => {
  const { stages, warnings } = parseDockerfile(
    'FROM a\nRUN one \\  \n  # no\n\n\t&& two\\\n# no\nthree\\',
    'Dockerfile',
  )
  expect(stages[0]!.instructions).toMatchObject([
    { command: { words: ['one \t&& twothree'] }, where: { line: 2, endLine: 7 } },
  ])
  expect(warnings).toMatchObject([
    { rule: 'NoEmptyContinuation', message: 'Empty continuation line', where: { line: 7 } },
  ])
})

test.each([
  ['RUN a\\\\\nRUN b', ['a\\\\', 'b']],
  ['RUN a \\\nb', ['a b']],
  ['RUN a\\\n\\\nb', ['ab']],
  ['RUN a \\x\nRUN b', ['a \\x', 'b']],
  ['  RUN a  \n\n # c\n\tRUN b', ['a', 'b']],
  ['RUN a\r\nRUN b \\\r\n c\r\n', ['a', 'b  c']],
])('%j runs %j', (text, commands) => {
  expect(read(text).map((run) => run.kind === 'RUN' && run.command.words[0])).toEqual(commands)
})

test('# escape=` makes the backslash a character and the backtick the one that continues lines', () => {
  const { escape: character, stages } = parseDockerfile(
    '# Escape = ` \nFROM a\nCOPY a C:\\\nRUN b `\n c \\\nENV a=b` c\n',
    'Dockerfile',
  )
  expect(character).toBe('`')
  expect(stages[0]!.instructions).toMatchObject([
    { to: 'C:\\' },
    { command: { words: ['b  c \\'] } },
    { pairs: [{ key: 'a', value: 'b` c' }] },
  ])
})

test.each([
  ['# comment\n# escape=`\n', '\\'],
  ['\n# escape=`\n', '\\'],
  ['# foo=bar\n# escape=`\n', '\\'],
  ['#!/usr/bin/env x\n# escape=`\n', '\\'],
  ['\ufeff# escape=`\r\n', '`'],
  ['  # syntax=x y\n#escape=`\n', '`'],
])('after %j the escape character is %s', (head, character) => {
  expect(parseDockerfile(`${head}FROM a\n`, 'Dockerfile').escape).toBe(character)
})

test('a comment above an ARG or a stage describes it', () => {
  const text =
    '# V the version\n# other\nARG V W\n#\n# lost\n#\n# base where all begins\nFROM a AS Base\n# Y why\nARG X=1 Y=2\n'
  const { globalArgs, stages } = parseDockerfile(text, 'Dockerfile')
  expect(globalArgs[0]!.args).toEqual([{ key: 'V', description: 'the version' }, { key: 'W' }])
  expect(stages[0]!.description).toBe('where all begins')
  expect(stages[0]!.instructions).toMatchObject([{ args: [{ key: 'X' }, { key: 'Y', description: 'why' }] }])
})

/** text, message, line, code */
const errors: readonly [string, string, number, string][] = [
  ['', 'the Dockerfile cannot be empty', 1, 'DOCKERFILE_EMPTY'],
  ['# only\n\n', 'file with no instructions', 1, 'DOCKERFILE_EMPTY'],
  ['ARG a\n', 'dockerfile contains no stages to build', 1, 'DOCKERFILE_STAGE'],
  ['ARG a\nRUN true\n', 'no build stage in current context', 2, 'DOCKERFILE_STAGE'],
  ['# escape=x\nFROM a', "invalid escape token 'x' does not match ` or \\", 1, 'DOCKERFILE_DIRECTIVE'],
  ['# escape=`\n# ESCAPE=`\nFROM a', 'only one escape parser directive can be used', 2, 'DOCKERFILE_DIRECTIVE'],
  ['# check=foo=1\nFROM a', 'failed to parse check options: invalid check option "foo"', 1, 'DOCKERFILE_DIRECTIVE'],
  ['# check=skip\nFROM a', 'failed to parse check options: invalid check option "skip"', 1, 'DOCKERFILE_DIRECTIVE'],
  [
    '# check=error=maybe\nFROM a',
    'failed to parse check options: failed to parse check option "error=maybe": strconv.ParseBool: parsing "maybe": invalid syntax',
    1,
    'DOCKERFILE_DIRECTIVE',
  ],
  [
    `FROM a\nRUN ${'x'.repeat(65532)}\n`,
    'dockerfile line greater than max allowed size of 65535',
    2,
    'DOCKERFILE_LINE_TOO_LONG',
  ],
  ['FROM a\nENV A\n', 'ENV must have two arguments', 2, 'DOCKERFILE_SYNTAX'],
  [
    'FROM a\nLABEL a=b c\n',
    'Syntax error - can\'t find = in "c". Must be of the form: name=value',
    2,
    'DOCKERFILE_SYNTAX',
  ],
  [
    'FROM a\n\nRUN ["a", 1]',
    'when using JSON array syntax, arrays must be comprised of strings only',
    3,
    'DOCKERFILE_SYNTAX',
  ],
  ['FROM a\nRUN <<EOF\nEOFX\n', 'unterminated heredoc', 2, 'DOCKERFILE_HEREDOC'],
  ['FROM a\nRUN <<EOF <<B\nEOF\nx', 'unterminated heredoc', 2, 'DOCKERFILE_HEREDOC'],
]

test.each(errors)('%# %j is refused: %s', (text, message, line, code) => {
  expect(() => parseDockerfile(text, 'Dockerfile')).toThrow(
    expect.objectContaining({ code, message, where: expect.objectContaining({ file: 'Dockerfile', line, text }) }),
  )
})

/** These BuildKit calls parse errors on a line. */
const parseErrors: readonly [string, string, string][] = [
  ['COPPY a b', 'unknown instruction: COPPY (did you mean COPY?)', 'DOCKERFILE_UNKNOWN_INSTRUCTION'],
  ['coppy a b', 'unknown instruction: coppy (did you mean copy?)', 'DOCKERFILE_UNKNOWN_INSTRUCTION'],
  ['SOMETHING', 'unknown instruction: SOMETHING', 'DOCKERFILE_UNKNOWN_INSTRUCTION'],
  ['constructor', 'unknown instruction: constructor', 'DOCKERFILE_UNKNOWN_INSTRUCTION'],
  ['COPY --frob=1 a b', 'unknown flag: --frob (did you mean from?)', 'DOCKERFILE_UNKNOWN_FLAG'],
  ['RUN --mont=x a', 'unknown flag: --mont (did you mean mount?)', 'DOCKERFILE_UNKNOWN_FLAG'],
  ['ENV --x a=b', 'unknown flag: --x', 'DOCKERFILE_UNKNOWN_FLAG'],
  ['COPY --constructor=1 a b', 'unknown flag: --constructor', 'DOCKERFILE_UNKNOWN_FLAG'],
  ['COPY --chown=a --chown=b c d', 'duplicate flag specified: --chown', 'DOCKERFILE_FLAG'],
  ['COPY --link --link c d', 'duplicate flag specified: --link', 'DOCKERFILE_FLAG'],
  ['COPY --chown c d', 'missing a value on flag: --chown', 'DOCKERFILE_FLAG'],
  ['COPY --link= c d', 'missing a value on flag: --link', 'DOCKERFILE_FLAG'],
  ['COPY --link=1 c d', 'expecting boolean value for flag --link, not: 1', 'DOCKERFILE_FLAG'],
  ['RUN --network=foo a', 'invalid network mode "foo"', 'DOCKERFILE_FLAG'],
  ['RUN --security=foo a', 'security "foo" is not valid', 'DOCKERFILE_FLAG'],
  [
    'RUN --mount=from=$x,target=/y a',
    "'from' doesn't support variable expansion, define alias stage instead",
    'DOCKERFILE_MOUNT',
  ],
  ['RUN --device=a,b c', "invalid field 'b' must be a key=value pair", 'DOCKERFILE_FLAG'],
  [
    'COPY a',
    'COPY requires at least two arguments, but only one was provided. Destination could not be determined',
    'DOCKERFILE_ARGUMENTS',
  ],
  [
    'ADD',
    'ADD requires at least two arguments, but only one was provided. Destination could not be determined',
    'DOCKERFILE_ARGUMENTS',
  ],
  ['COPY a <<EOF\nEOF', 'COPY cannot accept a heredoc as a destination', 'DOCKERFILE_HEREDOC'],
  ['WORKDIR', 'WORKDIR requires exactly one argument', 'DOCKERFILE_ARGUMENTS'],
  ['USER', 'USER requires exactly one argument', 'DOCKERFILE_ARGUMENTS'],
  ['STOPSIGNAL', 'STOPSIGNAL requires exactly one argument', 'DOCKERFILE_ARGUMENTS'],
  ['MAINTAINER', 'MAINTAINER requires exactly one argument', 'DOCKERFILE_ARGUMENTS'],
  ['ENV', 'ENV requires at least one argument', 'DOCKERFILE_ARGUMENTS'],
  ['LABEL', 'LABEL requires at least one argument', 'DOCKERFILE_ARGUMENTS'],
  ['ARG', 'ARG requires at least one argument', 'DOCKERFILE_ARGUMENTS'],
  ['EXPOSE', 'EXPOSE requires at least one argument', 'DOCKERFILE_ARGUMENTS'],
  ['VOLUME []', 'VOLUME requires at least one argument', 'DOCKERFILE_ARGUMENTS'],
  ['ONBUILD', 'ONBUILD requires at least one argument', 'DOCKERFILE_ARGUMENTS'],
  ['HEALTHCHECK', 'HEALTHCHECK requires at least one argument', 'DOCKERFILE_ARGUMENTS'],
  ['SHELL []', 'SHELL requires at least one argument', 'DOCKERFILE_ARGUMENTS'],
  ['SHELL sh -c', 'SHELL requires the arguments to be in JSON form', 'DOCKERFILE_ARGUMENTS'],
  ['ENV =x', 'ENV names can not be blank', 'DOCKERFILE_ARGUMENTS'],
  ['ARG =x', 'ARG names can not be blank', 'DOCKERFILE_ARGUMENTS'],
  ['VOLUME ["/a", " "]', 'VOLUME specified can not be an empty string', 'DOCKERFILE_ARGUMENTS'],
  ['HEALTHCHECK NONE a', 'HEALTHCHECK NONE takes no arguments', 'DOCKERFILE_ARGUMENTS'],
  ['HEALTHCHECK CMD', 'Missing command after HEALTHCHECK CMD', 'DOCKERFILE_ARGUMENTS'],
  ['HEALTHCHECK foo bar', 'Unknown type "FOO" in HEALTHCHECK (try CMD)', 'DOCKERFILE_ARGUMENTS'],
  ['HEALTHCHECK --interval=1us CMD a', 'Interval "interval" cannot be less than 1ms', 'DOCKERFILE_FLAG'],
  ['HEALTHCHECK --timeout=x CMD a', 'time: invalid duration "x"', 'DOCKERFILE_FLAG'],
  ['HEALTHCHECK --retries=x CMD a', 'strconv.ParseInt: parsing "x": invalid syntax', 'DOCKERFILE_FLAG'],
  [
    'HEALTHCHECK --retries=9999999999 CMD a',
    'strconv.ParseInt: parsing "9999999999": value out of range',
    'DOCKERFILE_FLAG',
  ],
  ['HEALTHCHECK --retries=-1 CMD a', '--retries cannot be negative (-1)', 'DOCKERFILE_FLAG'],
  ['FROM', 'FROM requires either one or three arguments', 'DOCKERFILE_ARGUMENTS'],
  ['FROM a AS', 'FROM requires either one or three arguments', 'DOCKERFILE_ARGUMENTS'],
  ['FROM a b c', 'FROM requires either one or three arguments', 'DOCKERFILE_ARGUMENTS'],
  [
    'FROM a AS 1b',
    'invalid name for build stage: "1b", name can\'t start with a number or contain symbols',
    'DOCKERFILE_STAGE',
  ],
  ['FROM --plat=x a', 'unknown flag: --plat', 'DOCKERFILE_UNKNOWN_FLAG'],
  ['ONBUILD FROM x', "FROM isn't allowed as an ONBUILD trigger", 'DOCKERFILE_ONBUILD'],
  ['ONBUILD maintainer x', "MAINTAINER isn't allowed as an ONBUILD trigger", 'DOCKERFILE_ONBUILD'],
  ['ONBUILD ONBUILD RUN x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", 'DOCKERFILE_ONBUILD'],
]

test.each(parseErrors)('%s is refused: %s', (line, message, code) => {
  expect(() => parseDockerfile(`FROM scratch\n\n${line}\n`, 'Dockerfile')).toThrow(
    expect.objectContaining({
      code,
      message: `dockerfile parse error on line 3: ${message}`,
      where: expect.objectContaining({ line: 3 }),
    }),
  )
})

test('a line may have 65535 bytes, its end not counted', () => {
  expect(parseDockerfile(`FROM a\nRUN ${'x'.repeat(65531)}\n`, 'Dockerfile').stages).toHaveLength(1)
  expect(() => parseDockerfile(`FROM a\nRUN ${'é'.repeat(32766)}\n`, 'Dockerfile')).toThrow(/greater than max/)
})

test('any text is a Dockerfile or is refused with its line', () => {
  const pieces = fc.constantFrom(
    ...[
      'FROM a',
      'RUN ',
      'COPY a b',
      'ENV ',
      'ARG ',
      'ONBUILD ',
      'HEALTHCHECK ',
      'LABEL ',
      'CMD ',
      'EXPOSE ',
      'VOLUME ',
    ],
    ...[
      '<<EOF',
      '<<-"E"',
      'EOF',
      '\n',
      '\n',
      '\r\n',
      '\\\n',
      '#',
      '# escape=`',
      '`\n',
      '["a"]',
      '[',
      '"',
      "'",
      '\\',
      '--',
      '=',
      ' ',
      '\t',
      '$',
      '{',
      'ü',
    ],
    ...['--mount=', '--from=', '--interval=', 'type=cache', ',', '1s', 'CMD', '\u0000', '\ufeff', '😀'],
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 25 }), fc.boolean(), (parts, started) => {
      const text = (started ? 'FROM a\n' : '') + parts.join('')
      try {
        parseDockerfile(text, 'Dockerfile')
      } catch (error) {
        expect(error).toBeInstanceOf(TareError)
        const { where } = error as TareError
        expect(where?.line).toBeGreaterThan(0)
        expect(where?.endLine).toBeLessThanOrEqual(text.split('\n').length)
      }
    }),
    { numRuns: runs(3000) },
  )
})

test('any string is a Dockerfile or is refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        parseDockerfile(text, 'Dockerfile')
      } catch (error) {
        expect(error).toBeInstanceOf(TareError)
      }
    }),
  )
})
