import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openQuickBench } from '../../../../test/kit/call-tare.ts'
import type { Bench } from '../../../../test/kit/cli.ts'
import { elfFile } from '../../../../test/kit/elf.ts'
import { tinyTar } from '../../../../test/kit/tiny-image.ts'

async function bench(instructions: string): Promise<Bench> {
  const opened = openQuickBench({
    app: { content: elfFile(), mode: 0o4755 },
    Dockerfile: `FROM scratch\nCOPY app /app\n${instructions}\n`,
  })
  await opened.succeed(['build', '-q', '-t', 'app', '--platform', 'linux/amd64', 'context'])
  return opened
}

test('the exit code is 0 with notes alone, 1 with a finding, 2 without an image and 125 for a wrong flag', async () => {
  const good = await bench('CMD ["/app"]')
  const noted = await good.tare(['check', 'app'])
  expect(noted.code).toBe(0)
  expect(noted.out).toContain('note SetIdBits: /app has mode 04755, owner 0:0')
  expect((await good.tare(['check', 'oci:none'])).code).toBe(2)
  const wrong = await good.tare(['check', '--format', 'xml', 'app'])
  expect(wrong.code).toBe(125)
  expect(wrong.err).toContain('must be one of text, json, sarif')
  const bad = await (await bench('CMD ["/ap"]')).tare(['image', 'check', 'app'])
  expect(bad.code).toBe(1)
  expect(bad.out).toContain('error CommandMissing: CMD is "/ap", which is not in the image')
})

test('findings are accepted by a file, with a reason', async () => {
  const { tare, folder } = await bench('CMD ["/app"]')
  const accept = [{ code: 'SetIdBits', path: 'app', reason: 'meant' }]
  writeFileSync(join(folder, '.tare-check.json'), JSON.stringify({ accept }))
  expect((await tare(['check', 'app'])).out).toBe('Nothing found.\n\n1 finding accepted\n')
  writeFileSync(join(folder, 'other.json'), JSON.stringify({ accept: [{ code: 'SetIdBits' }] }))
  const unreasoned = await tare(['check', '--config', 'other.json', 'app'])
  expect(unreasoned.code).toBe(2)
  expect(unreasoned.err).toContain('other.json: entry 1 of "accept" has no "reason"')
})

test('SARIF has a rule and a result for each finding, and says what is accepted', async () => {
  const { tare, folder } = await bench('CMD ["/ap"]')
  writeFileSync(join(folder, '.tare-check.json'), JSON.stringify({ accept: [{ code: 'SetIdBits', reason: 'meant' }] }))
  const { code, out } = await tare(['check', '--format=sarif', 'app'])
  expect(code).toBe(1)
  const sarif = JSON.parse(out)
  expect(sarif.version).toBe('2.1.0')
  const [run] = sarif.runs
  expect(run.tool.driver.rules).toEqual([{ id: 'CommandMissing' }, { id: 'SetIdBits' }])
  expect(run.results).toMatchObject([
    { ruleId: 'CommandMissing', ruleIndex: 0, level: 'error' },
    { ruleId: 'SetIdBits', ruleIndex: 1, level: 'note', suppressions: [{ kind: 'external', justification: 'meant' }] },
  ])
  expect(JSON.parse((await tare(['check', '--json', 'app'])).out)).toMatchObject({
    findings: [{ code: 'CommandMissing' }],
  })
})

test('a place in SARIF is a relative reference without a scheme, also of a name that is not UTF-8', async () => {
  const { tare, succeed, folder } = openQuickBench()
  const names = ['c:/#?%.txt', 'caf\xe9', '\xc3\xa9']
  // Bytes as they are: a tar's header has each character of latin1 as one.
  const layers = names.map((name, i) => {
    const path = join(folder, `${i}.tar`)
    writeFileSync(path, tinyTar(name, `ghp_${'0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R'}`))
    return path
  })
  await succeed(['image', 'append', 'scratch', ...layers, '-t', 'app:1'])
  const { code, out } = await tare(['check', '--format=sarif', 'app:1'])
  expect(code).toBe(1)
  const results = JSON.parse(out).runs[0].results as readonly Result[]
  expect(results.map(({ locations }) => locations[0]!.physicalLocation.artifactLocation.uri)).toEqual([
    ...['app%3A1', 'c%3A/%23%3F%25.txt', 'caf%E9', '%C3%A9'],
  ])
  expect(results[2]!.message.text).toContain('/caf\ufffd in layer 2 has a GitHub token')
})

interface Result {
  readonly message: { readonly text: string }
  readonly locations: readonly { readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } } }[]
}
