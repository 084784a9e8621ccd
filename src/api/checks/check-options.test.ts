import { expect, test } from 'vitest'
import { buildOptions, checkOptions, loadOptions, pushOptions, runOptions, type Shape, saveOptions } from './index.ts'

/** The message and the remedy that such options get; undefined where they are fine. */
function complaint<O>(shape: Shape<O>, options: unknown): string | undefined {
  try {
    checkOptions('verb', shape, options)
    return undefined
  } catch (error) {
    const { code, message, remedy } = error as { code: string; message: string; remedy?: string }
    expect(code).toBe('OPTION_INVALID')
    expect(message.startsWith('verb: ')).toBe(true)
    return [message.slice('verb: '.length), remedy].filter(Boolean).join(' | ')
  }
}

const empty = { context: { kind: 'empty' } }

test.each<[object, string]>([
  [{ ...empty, tags: 'app' }, 'tags must be a list of strings, not the string "app" | Write tags: ["app"].'],
  [{ ...empty, tags: ['app', 5] }, 'tags[1] must be a string, not number 5'],
  [{ ...empty, tags: [undefined] }, 'tags[0] must be a string, not undefined'],
  [{ ...empty, tag: ['app'] }, 'there is no option tag | Did you mean tags?'],
  [{ ...empty, noCache: 'yes' }, 'noCache must be true or false, not the string "yes"'],
  [{ ...empty, labels: { a: 1 } }, 'labels["a"] must be a string, not number 1'],
  [{ ...empty, labels: ['a=b'] }, 'labels must be an object, not a list'],
  [{ ...empty, buildArgs: new Map([['a', 'b']]) }, 'buildArgs must be an object, not an object of Map'],
  [{ ...empty, labels: { a: undefined } }, 'labels["a"] must be a string, not undefined'],
  [{ ...empty, jobs: 1.5 }, 'jobs must be a whole number that is not negative, not number 1.5'],
  [{ ...empty, shmSize: -1 }, 'shmSize must be a whole number that is not negative, not number -1'],
  [{ ...empty, shmSize: Number.NaN }, 'shmSize must be a whole number that is not negative, not number NaN'],
  [{ ...empty, secretLeak: 'no' }, 'secretLeak must be "error", "warn" or "allow", not the string "no"'],
  [{ ...empty, signal: {} }, 'signal must be an AbortSignal, not an object'],
  [{ ...empty, report: true }, 'report must be a function, not boolean true'],
  [{ ...empty, target: null }, 'target must be a string, not null'],
  [{}, 'context is missing: it must be an object with kind'],
  [{ context: '.' }, 'context must be an object with kind, not the string "."'],
  [
    { context: { kind: 'folder', path: '.' } },
    'context.kind must be "directory", "stream", "remote" or "empty", not the string "folder"',
  ],
  [{ context: { path: '.' } }, 'context.kind must be "directory", "stream", "remote" or "empty", not undefined'],
  [{ context: { kind: 'directory' } }, 'context.path is missing: it must be a string'],
  [{ context: { kind: 'empty', path: '.' } }, 'there is no option context.path | Those known are kind.'],
  [
    { context: { kind: 'stream', bytes: 'FROM scratch' } },
    'context.bytes must be an async iterable of Uint8Array, such as a stream, not the string "FROM scratch"',
  ],
  [
    { ...empty, dockerfile: 'Dockerfile' },
    'dockerfile must be an object with path, url or text, not the string "Dockerfile"',
  ],
  [{ ...empty, dockerfile: { path: 'a', text: 'b' } }, 'dockerfile cannot have both path and text'],
  [
    { ...empty, dockerfile: { file: 'a' } },
    'there is no option dockerfile.file | Those known are path, url, text, name.',
  ],
  [{ ...empty, dockerfile: {} }, 'dockerfile must be an object with path, url or text'],
  [{ ...empty, secrets: ['id=a'] }, 'secrets[0] must be an object with value, path or variable, not the string "id=a"'],
  [{ ...empty, secrets: [{ value: 'x' }] }, 'secrets[0].id is missing: it must be a string'],
  [{ ...empty, contexts: { a: 'dir' } }, 'contexts["a"] must be an object with kind, not the string "dir"'],
  [{ ...empty, limits: [{ name: 'nofile' }] }, 'limits[0].soft is missing: it must be a whole number of at least -1'],
  [
    { ...empty, credentials: { 'registry.example': { user: 'u' } } },
    'credentials["registry.example"].password is missing: it must be a string',
  ],
  [{ ...empty, toString: 1 }, 'there is no option toString | Those known are'],
])('of %j is told: %s', (options, told) => {
  expect(complaint(buildOptions, options)?.startsWith(told)).toBe(true)
})

test.each([[undefined], [null], ['app'], [5], [[]], [() => {}], [new AbortController().signal], [new Map()]])(
  'options that are %j are no options',
  (options) => {
    expect(complaint(loadOptions, options)).toMatch(/^the options must be an object, not /)
  },
)

test('what is as it should be passes', () => {
  const fine: readonly [Shape<never>, object][] = [
    [
      buildOptions as Shape<never>,
      {
        ...{ context: { kind: 'stream', bytes: (async function* () {})() }, tags: [], target: undefined },
        ...{ buildArgs: { A: undefined }, environment: process.env, dockerfile: { text: Buffer.from('x'), name: 'D' } },
        ...{ secrets: [{ id: 'a', value: new Uint8Array(1) }], ssh: [{}], limits: [{ name: 'core', soft: -1 }] },
        ...{ contexts: { a: { kind: 'layout', path: 'x', tag: undefined } }, signal: new AbortController().signal },
      },
    ],
    [pushOptions as Shape<never>, { name: 'a', compression: 'zstd', compressionLevel: 3, credentials: {} }],
    [
      runOptions as Shape<never>,
      Object.assign(Object.create(null), { image: 'a', mounts: [{ type: 'tmpfs', target: '/a' }] }),
    ],
    [saveOptions as Shape<never>, { names: ['a'], to: { write: async () => {} } }],
  ]
  for (const [shape, options] of fine) expect(complaint(shape, options)).toBeUndefined()
})
