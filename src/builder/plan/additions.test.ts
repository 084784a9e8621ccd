import { expect, test } from 'vitest'
import { plan } from '../../../test/kit/plans.ts'

async function configOf(text: string, target?: string) {
  const images = { base: { Labels: { from: 'base', l: '0' }, ExposedPorts: { '1/tcp': {} }, Volumes: { '/b': {} } } }
  const { Labels, ExposedPorts, Volumes } = (await plan(text, { images, ...(target && { target }) })).output.config
  return [Labels, ExposedPorts, Volumes].map((member) => JSON.stringify(member))
}

test('labels, ports and volumes are those of the base and of the stages on the way, the last one counts', async () => {
  const text = `FROM base AS a
LABEL l=1 m=1
EXPOSE 2
FROM a AS b
LABEL m=2 __proto__=p
VOLUME /v /w
FROM a AS c
LABEL l=3
EXPOSE 1 3
FROM b AS d
FROM scratch AS e
FROM c AS c
VOLUME /b
`
  const all = await Promise.all(['a', 'b', 'd', 'e'].map((target) => configOf(text, target)))
  const b = ['{"from":"base","l":"1","m":"2","__proto__":"p"}', '{"1/tcp":{},"2/tcp":{}}', '{"/b":{},"/v":{},"/w":{}}']
  expect(all).toEqual([
    ['{"from":"base","l":"1","m":"1"}', '{"1/tcp":{},"2/tcp":{}}', '{"/b":{}}'],
    b,
    b,
    [undefined, undefined, undefined],
  ])
  expect(await configOf(text)).toEqual([
    '{"from":"base","l":"3","m":"1"}',
    '{"1/tcp":{},"2/tcp":{},"3/tcp":{}}',
    '{"/b":{}}',
  ])
})

test('a chain of thousands of stages in which each adds has all at its end', async () => {
  const count = 3000
  const stages = Array.from(
    { length: count },
    (_, i) => `FROM ${i === 0 ? 'scratch' : `s${i - 1}`} AS s${i}\nLABEL l${i}=${i}\nEXPOSE ${i + 1}\nVOLUME /v${i}`,
  )
  const { config, history } = (await plan(stages.join('\n'))).output
  const { Labels = {}, ExposedPorts = {}, Volumes = {} } = config
  expect([Labels, ExposedPorts, Volumes].map((member) => Object.keys(member).length)).toEqual([count, count, count])
  expect(Labels['l7']).toBe('7')
  expect(history.map(({ createdBy }) => createdBy).slice(2, -2)).toEqual(
    stages.flatMap((_, i) => [`LABEL l${i}=${i}`, `EXPOSE [${i + 1}/tcp]`, `VOLUME [/v${i}]`]).slice(2, -2),
  )
})

test('a variable is set where the base or a stage before has it, and otherwise at the end', async () => {
  const images = { base: { Env: ['a=1', 'PATH=/p', 'b', 'a=2'] } }
  const text = 'FROM base AS a\nENV c=3 b=4\nFROM a\nENV d=$b a=5\nENV c=6\nFROM a AS other\nENV e=7\n'
  const envOf = async (target: string) => (await plan(text, { images, target })).output.config.Env
  expect(await envOf('a')).toEqual(['a=1', 'PATH=/p', 'b=4', 'a=2', 'c=3'])
  expect(await envOf('other')).toEqual(['a=1', 'PATH=/p', 'b=4', 'a=2', 'c=3', 'e=7'])
  const middle = (await plan(text.replace(/FROM a AS other.*/s, ''), { images })).output.config.Env
  expect(middle).toEqual(['a=5', 'PATH=/p', 'b=4', 'a=2', 'c=6', 'd=4'])
})

test('thousands of variables and triggers are set one after the other', async () => {
  const count = 5000
  const lines = Array.from({ length: count }, (_, i) => `ENV v${i}=${i}\nONBUILD LABEL l${i}=1`)
  const { Env, OnBuild } = (await plan(`FROM scratch\n${lines.join('\n')}`)).output.config
  expect(Env?.slice(1)).toEqual(lines.map((_, i) => `v${i}=${i}`))
  expect(OnBuild?.at(-1)).toBe(`LABEL l${count - 1}=1`)
})

test('of thousands of names that are missing, those found in time have a suggestion, and all are told', async () => {
  const count = 2000
  const lines = Array.from({ length: count }, (_, i) => `ENV name${i}=1\nLABEL a=$nane${i}`)
  const { warnings } = await plan(`FROM scratch\n${lines.join('\n')}`)
  expect(warnings[1]!.message).toContain("'$nane1' (did you mean $name1?)")
  expect(warnings.map(({ message }) => message.includes("'$nane"))).toEqual(lines.map(() => true))
})
