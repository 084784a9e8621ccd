import { expect, test } from 'vitest'
import { agentId, type PlannedMount, secretId, targetOf } from './index.ts'

const mount = (members: Partial<PlannedMount>) => ({ type: 'secret', required: true, ...members }) as PlannedMount

test.each<[Partial<PlannedMount>, string]>([
  [{ id: 'a', source: 'b', target: '/c' }, 'a'],
  [{ source: 'b', target: '/c' }, 'b'],
  [{ target: '/run/c' }, 'c'],
  [{ target: '/run/c/' }, 'c'],
  [{ target: 'c' }, 'c'],
  [{}, ''],
])('the secret of %j is %j', (members, id) => {
  expect(secretId(mount(members))).toBe(id)
})

test('an agent without an id is the default one', () => {
  expect([agentId(mount({})), agentId(mount({ id: 'x' }))]).toEqual(['default', 'x'])
})

test.each([undefined, '/', '//', '/a/..', '/../.'])('a mount cannot be at %s', (target) => {
  const { target: _, ...none } = mount({})
  expect(() => targetOf(target === undefined ? none : { ...none, target })).toThrow(
    target === undefined ? 'needs a target' : 'invalid mount target',
  )
})

test.each(['/a', 'a/', '/a/../b', '../', '.'])('a mount at %s is there', (target) => {
  expect(targetOf(mount({ target }))).toBe(target)
})
