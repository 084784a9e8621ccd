import { expect, test } from 'vitest'
import { formatTransport, parseTransport } from './transport.ts'

test('places are read as skopeo writes them, and a name alone is a registry’s', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const known: Readonly<Record<string, string>> = {
    'alpine:3.19': 'docker.io/library/alpine:3.19',
    'docker://localhost:5000/oci': 'localhost:5000/oci:latest',
    'docker:24': 'docker.io/library/docker:24',
    'store:app': 'store:app',
    'oci:path/of/layout': 'oci:path/of/layout',
    'oci:layout:host/app:1': 'oci:layout:host/app:1',
    [`oci:layout@${digest}`]: `oci:layout@${digest}`,
    'oci-archive:/a.tar:v1': 'oci-archive:/a.tar:v1',
    'docker-archive:a.tar:app:1': 'docker-archive:a.tar:docker.io/library/app:1',
    'oci:C:\\layout:v1': 'oci:C:\\layout:v1',
  }
  for (const [text, meant] of Object.entries(known)) expect(formatTransport(parseTransport(text)), text).toBe(meant)
  expect(parseTransport('oci:layout:host/app:1')).toMatchObject({ path: 'layout', label: 'host/app:1' })
  expect(parseTransport('oci:C:\\layout:v1')).toMatchObject({ path: 'C:\\layout', label: 'v1' })
})

test('what is no transport is refused with the kinds there are', () => {
  for (const text of [
    'dir:x',
    'docker-daemon:app',
    'http://host/app',
    'ocy://x',
    'oci:',
    'oci::tag',
    'oci:l:ü',
    'store:',
  ])
    expect(() => parseTransport(text), text).toThrow(
      expect.objectContaining({ code: 'TRANSPORT_INVALID', remedy: expect.stringContaining('oci-archive:PATH') }),
    )
  for (const text of ['docker://UPPER', 'docker-archive:a.tar:UPPER'])
    expect(() => parseTransport(text), text).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }))
})
