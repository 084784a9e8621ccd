import { expect, test } from 'vitest'
import { parseUrl } from './index.ts'

test.each([
  ['http://h/x', 'http://h/x'],
  ['HTTPS://H:443', 'https://h/'],
  ['http://u:p@h:8080/a b?c#d', 'http://u:p@h:8080/a%20b?c#d'],
  ['http://u@x@h/', 'http://u%40x@h/'],
  ['http://[::1]:80/x', 'http://[::1]/x'],
  ['http://h:/x', 'http://h/x'],
  ['http://bücher.example/ü', 'http://xn--bcher-kva.example/%C3%BC'],
  ['http://h/a\\b?c\\d', 'http://h/a%5Cb?c\\d'],
  ['http://h//x', 'http://h//x'],
])('%s is %s', (text, url) => {
  expect(parseUrl(text)?.href).toBe(url)
})

test.each([
  ...['http:///x', 'http:////x', 'HTTP:///x', 'https:///h:80/x', 'http://', 'http://?q', 'http://#f', 'http://@/x'],
  ...['http://u@/x', 'http://:80/x', 'http://h:99999/x', 'http://[bad/x', 'http://a b/x', 'http://a\\b/x'],
  ...['http://%31/x', 'http://h\\@other/x', 'http://a\tb/x', 'http://h/a\nb', 'http://h/\0', ' http://h/'],
  ...['http:/h/x', 'http:h', 'http:\\\\h\\x', 'ftp://h/x', 'h/x', ''],
])('%j is no URL to fetch', (text) => {
  expect(parseUrl(text)).toBeUndefined()
})
