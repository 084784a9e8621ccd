import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../../test/kit/cli.ts'
import { withProxies } from './proxies.ts'

test('proxies of docker’s config.json become build arguments in both spellings, where none is given', () => {
  const folder = temporaryFolder()
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({ auths: {}, proxies: { default: { httpProxy: 'http://a', noProxy: 'b', ftpProxy: '' } } }),
  )
  expect(withProxies({ HTTP_PROXY: 'http://mine', X: '1' }, { DOCKER_CONFIG: folder })).toEqual({
    HTTP_PROXY: 'http://mine',
    http_proxy: 'http://a',
    NO_PROXY: 'b',
    no_proxy: 'b',
    X: '1',
  })
})

test('without that file, or without proxies in it, nothing is added; a broken one is told', () => {
  const folder = temporaryFolder()
  const env = { DOCKER_CONFIG: folder }
  expect(withProxies({ X: '1' }, env)).toEqual({ X: '1' })
  expect(withProxies({}, {})).toEqual({})
  writeFileSync(join(folder, 'config.json'), '{"auths":{}}')
  expect(withProxies({}, env)).toEqual({})
  writeFileSync(join(folder, 'config.json'), '{')
  expect(() => withProxies({}, env)).toThrow(`cannot read ${join(folder, 'config.json')}`)
})
