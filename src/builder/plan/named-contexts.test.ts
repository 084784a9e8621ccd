import { expect, test } from 'vitest'
import { historyLines, operationLines, plan } from '../../../test/kit/plans.ts'
import { contextKey, type PlannedContext } from './index.ts'

const images = { other: { Labels: { replaced: 'yes' } }, foo: {}, 'foo:2': {}, alpine: {} }

async function isReplaced(line: string, name: string): Promise<boolean> {
  const contexts: Record<string, PlannedContext> = { [contextKey(name)]: { kind: 'image', name: 'other' } }
  const { operations } = await plan(`${line}\nLABEL a=b`, { contexts, images })
  return operations.some((operation) => operation.kind === 'image' && operation.name === 'other')
}

test.each([
  ['foo', 'foo', true],
  ['foo', 'foo:latest', true],
  ['foo:latest', 'foo', true],
  ['foo', 'docker.io/library/foo', true],
  ['foo', 'docker.io/library/foo:latest', true],
  ['docker.io/library/foo', 'foo', true],
  ['library/foo', 'foo', true],
  ['index.docker.io/library/foo', 'foo', true],
  ['docker.io/library/foo:2', 'foo:2', true],
  ['foo:2', 'docker.io/library/foo:2', true],
  ['h.io/foo', 'h.io/foo:latest', true],
  ['foo:2', 'foo', false],
  ['foo', 'foo:2', false],
])('FROM %s with a context called %s takes that context: %s', async (base, name, expected) => {
  const all = { ...images, [base]: {} }
  const contexts: Record<string, PlannedContext> = { [contextKey(name)]: { kind: 'image', name: 'other' } }
  for (const file of [`FROM ${base}\nLABEL a=b`, `FROM scratch\nCOPY --from=${base} / /`]) {
    const { operations } = await plan(file, { contexts, images: all })
    expect(operations.some((one) => one.kind === 'image' && one.name === 'other')).toBe(expected)
  }
})

test('scratch and context are nobody else', async () => {
  expect(await isReplaced('FROM scratch', 'scratch')).toBe(false)
  expect(await isReplaced('FROM scratch\nCOPY --from=scratch / /', 'scratch')).toBe(false)
})

test('a context in place of a stage takes its instructions away, wherever the stage stands', async () => {
  const contexts = { one: { kind: 'image', name: 'other' }, files: { kind: 'files' } } as const
  const stage = 'FROM scratch AS ONE\nCOPY a /\n'
  const from = await plan(`${stage}FROM one\nLABEL a=b`, { contexts, images })
  expect([...operationLines(from), ...historyLines(from)]).toEqual(['0 image other', 'root 0', 'LABEL a=b'])
  const copy = await plan(`FROM scratch\nCOPY --from=One / /\n${stage.trim()}\nFROM one`, { contexts, images })
  expect(operationLines(copy)).toEqual(['0 image other', 'root 0'])
  const later = await plan('FROM scratch AS a\nCOPY --from=files x /\nFROM scratch AS files\nFROM a', { contexts })
  expect(operationLines(later)).toEqual(['0 scratch', '1 context files', '2 copy onto 0: 1:x → /', 'root 2'])
})

test.each([
  ['COPY --from=asets a /', '"assets"'],
  ['COPY --from=bulid a /', '"build"'],
])('%s says which was probably meant', async (line, meant) => {
  const contexts = { assets: { kind: 'files' } } as const
  await expect(plan(`FROM scratch AS build\nFROM scratch\n${line}`, { contexts })).rejects.toMatchObject({
    code: 'BASE_UNKNOWN',
    remedy: `No stage or named context has that name either: did you mean ${meant}?`,
    where: { line: 3 },
  })
})

test('FROM of a stage that comes later says so', async () => {
  await expect(plan('FROM b AS a\nFROM scratch AS b\nFROM a')).rejects.toMatchObject({
    remedy: 'A later stage has that name: FROM can only use an earlier one.',
  })
})
