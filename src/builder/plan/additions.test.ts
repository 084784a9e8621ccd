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
  const { Labels = {}, ExposedPorts = {}, Volumes = {} } = (await plan(stages.join('\n'))).output.config
  expect([Labels, ExposedPorts, Volumes].map((member) => Object.keys(member).length)).toEqual([count, count, count])
  expect(Labels['l7']).toBe('7')
})
