import { expect, test } from 'vitest'
import { type FlagTable, parseFlags } from './flags.ts'
import { buildFlags } from './verbs/build/build-flags.ts'

const parse = (...argv: string[]) => parseFlags(buildFlags, argv)

function given(...argv: string[]): Record<string, unknown> {
  const { values, given: names, args } = parse(...argv)
  return { ...Object.fromEntries([...names].map((name) => [name, (values as Record<string, unknown>)[name]])), args }
}

test.each<[string, Record<string, unknown>]>([
  ['--file=D', { file: 'D', args: [] }],
  ['--file D', { file: 'D', args: [] }],
  ['-fD .', { file: 'D', args: ['.'] }],
  ['-f=D .', { file: 'D', args: ['.'] }],
  ['-f D .', { file: 'D', args: ['.'] }],
  ['-f - .', { file: '-', args: ['.'] }],
  ['-f= .', { file: '=', args: ['.'] }],
  ['--file= .', { file: '', args: ['.'] }],
  ['-qD .', { quiet: true, debug: true, args: ['.'] }],
  ['-qtapp .', { quiet: true, tag: ['app'], args: ['.'] }],
  ['-qt app .', { quiet: true, tag: ['app'], args: ['.'] }],
  ['-q=false .', { quiet: false, args: ['.'] }],
  ['--no-cache .', { 'no-cache': true, args: ['.'] }],
  ['--no-cache=false .', { 'no-cache': false, args: ['.'] }],
  ['--no-cache false', { 'no-cache': true, args: ['false'] }],
  ['--pull=F .', { pull: false, args: ['.'] }],
  ['--memory-swap -1 .', { 'memory-swap': '-1', args: ['.'] }],
  ['--cpu-shares -5 .', { 'cpu-shares': '-5', args: ['.'] }],
  ['--memory 1.5g .', { memory: '1.5g', args: ['.'] }],
  ['--target --quiet .', { target: '--quiet', args: ['.'] }],
  ['--target -- .', { target: '--', args: ['.'] }],
  ['. -t a --tag b --tag=c', { tag: ['a', 'b', 'c'], args: ['.'] }],
  ['-t a -- -t b', { tag: ['a'], args: ['-t', 'b'] }],
  ['-', { args: ['-'] }],
  ['--build-arg A=b=c --build-arg B', { 'build-arg': ['A=b=c', 'B'], args: [] }],
  ['--build-arg A=1,2', { 'build-arg': ['A=1,2'], args: [] }],
  ['--platform linux/amd64,linux/arm64', { platform: ['linux/amd64', 'linux/arm64'], args: [] }],
  ['--rm=true --force-rm --squash=0', { rm: true, 'force-rm': true, squash: false, args: [] }],
])('%s is read as pflag does', (line, expected) => {
  expect(given(...line.split(' '))).toEqual(expected)
})

test.each([
  ['--x', 'unknown flag: --x'],
  ['--constructor', 'unknown flag: --constructor'],
  ['-z', "unknown shorthand flag: 'z' in -z"],
  ['-qx', "unknown shorthand flag: 'x' in -x"],
  ['-t', "flag needs an argument: 't' in -t"],
  ['-qt', "flag needs an argument: 't' in -t"],
  ['--build-arg', 'flag needs an argument: --build-arg'],
  ['---x', 'bad flag syntax: ---x'],
  ['--=x', 'bad flag syntax: --=x'],
  [
    '--no-cache=maybe',
    'invalid argument "maybe" for "--no-cache" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
  ],
  ['--memory -1', 'invalid argument "-1" for "-m, --memory" flag: invalid size: \'-1\''],
  ['--cpu-shares=x', 'invalid argument "x" for "-c, --cpu-shares" flag: strconv.ParseInt: parsing "x": invalid syntax'],
])('%s is refused in the words of docker', (line, message) => {
  expect(() => parse(...line.split(' '))).toThrow(message)
})

test('a flag that was nearly right is suggested', () => {
  expect(() => parse('--no-cahce')).toThrow(
    expect.objectContaining({ remedy: 'Did you mean --no-cache?', exitCode: 125 }),
  )
  expect(() => parse('--plat=x')).toThrow(expect.objectContaining({ remedy: 'Did you mean --platform?' }))
  expect(() => parse('--xyzzy')).toThrow(expect.objectContaining({ remedy: undefined }))
})

test('flags that are not given have their defaults', () => {
  const { values, given: names } = parse('.')
  expect(names.size).toBe(0)
  expect(values).toMatchObject({ network: 'default', rm: true, quiet: false, file: undefined, tag: [] })
})

test('-h asks for help where no flag has that letter', () => {
  const table = { human: { type: 'bool', short: 'h', help: '' } } as const satisfies FlagTable
  expect(parse('-h').help).toBe(true)
  expect(parse('--help=false').help).toBe(false)
  expect(parseFlags(table, ['-h'])).toMatchObject({ help: false, values: { human: true } })
})

test('where flags end at the first argument, those behind it stay as they are', () => {
  const { values, args } = parseFlags(buildFlags, ['-q', 'build', '-t', 'x'], { interspersed: false })
  expect(values.quiet).toBe(true)
  expect(args).toEqual(['build', '-t', 'x'])
})
