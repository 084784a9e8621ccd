import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openQuickBench } from '../../../../test/kit/call-tare.ts'
import type { Bench } from '../../../../test/kit/cli.ts'
import { elfFile } from '../../../../test/kit/elf.ts'

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
