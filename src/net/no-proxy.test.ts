import { describe, expect, test } from 'vitest'
import { isExcepted } from './no-proxy.ts'
import { proxyFor, readProxies } from './proxies.ts'

// The rules of golang.org/x/net/http/httpproxy, which docker and podman go by.
test.each([
  ['*', 'https://a.example', true],
  ['a.example', 'https://a.example', true],
  ['a.example', 'https://b.a.example', true],
  ['A.Example', 'https://a.EXAMPLE', true],
  ['a.example', 'https://xa.example', false],
  ['.a.example', 'https://b.a.example', true],
  ['.a.example', 'https://a.example', false],
  ['*.a.example', 'https://c.b.a.example', true],
  ['*.a.example', 'https://a.example', false],
  ['*a.example', 'https://ba.example', false],
  ['a.example:443', 'https://a.example', true],
  ['a.example:80', 'https://a.example', false],
  ['a.example:80', 'http://a.example', true],
  ['a.example:5000', 'https://a.example:5000', true],
  ['a.example:5000', 'https://a.example:5001', false],
  ['.a.example:443', 'https://b.a.example', true],
  ['a.example', 'https://a.example:5000', true],
  ['10.1.2.3', 'http://10.1.2.3:5000', true],
  ['10.1.2.3:5000', 'http://10.1.2.3:5000', true],
  ['10.1.2.3:5000', 'http://10.1.2.3', false],
  ['10.0.0.0/8', 'http://10.1.2.3:5000', true],
  ['10.0.0.0/8', 'http://11.1.2.3', false],
  ['10.0.0.0/8', 'http://a.example', false],
  ['10.1.2', 'http://10.1.2.3', false],
  ['0.0.0.0/0', 'http://192.0.2.1', true],
  ['fd00::/8', 'http://[fd12::1]:5000', true],
  ['fd00::/8', 'http://[fe12::1]', false],
  ['[fd00::]/8', 'http://[fd12::1]', true],
  ['fd12::1', 'http://[fd12:0:0::1]:5000', true],
  ['[fd12::1]', 'http://[fd12::1]', true],
  ['[fd12::1]:5000', 'http://[fd12::1]:5000', true],
  ['[fd12::1]:5000', 'http://[fd12::1]:5001', false],
  ['b.example, a.example ,', 'https://a.example', true],
  ['b.example a.example', 'https://a.example', false],
  ['10.0.0.0/99', 'http://10.1.2.3', false],
  [':443', 'https://a.example', false],
  ['', 'https://a.example', false],
  [',,', 'https://a.example', false],
])('NO_PROXY=%j exempts %s from proxies: %s', (except, url, excepted) => {
  expect(isExcepted(new URL(url), except)).toBe(excepted)
})

describe('the proxy for an address', () => {
  const find = (url: string, environment: Record<string, string>) =>
    proxyFor(new URL(url), readProxies(environment))?.url.href

  test('is that of its scheme, in either case of letters', () => {
    const environment = { HTTPS_PROXY: 'http://s:1', http_proxy: 'http://h:2' }
    expect(find('https://a.example', environment)).toBe('http://s:1/')
    expect(find('http://a.example', environment)).toBe('http://h:2/')
    expect(find('https://a.example', { HTTP_PROXY: 'http://h:2' })).toBeUndefined()
    expect(find('https://a.example', { HTTPS_PROXY: 'http://upper:1', https_proxy: 'http://lower:1' })).toContain(
      'upper',
    )
    expect(find('https://a.example', { HTTPS_PROXY: ' ', https_proxy: 'http://lower:1' })).toContain('lower')
  })

  test('needs no scheme of its own', () => {
    expect(find('https://a.example', { HTTPS_PROXY: 'proxy.example:3128' })).toBe('http://proxy.example:3128/')
    for (const scheme of ['https', 'socks5', 'socks5h'])
      expect(find('https://a.example', { HTTPS_PROXY: `${scheme}://p:1` })).toMatch(`${scheme}://p:1`)
  })

  test.each([
    'http://localhost',
    'https://127.0.0.1:5000',
    'http://127.9.9.9',
    'https://[::1]:5000',
    'http://LOCALHOST:1',
  ])('is none for this machine (%s)', (url) => {
    expect(find(url, { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://p:1' })).toBeUndefined()
  })

  test.each(['ftp://p:1', 'socks4://p:1', 'http://', 'http://user:hunter2@:x'])(
    '%s is an error that tells no secret',
    (text) => {
      const look = () => find('https://a.example', { HTTPS_PROXY: text })
      expect(look).toThrow(/^HTTPS_PROXY is not a proxy URL$/)
      expect(find('http://a.example', { HTTPS_PROXY: text })).toBeUndefined()
    },
  )
})
