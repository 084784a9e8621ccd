import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { createHost } from '../../images/index.ts'
import { tareOf } from '../library.ts'

test('a machine that cannot run a command is told before any step, and only if there is a RUN', async () => {
  const environment = { TARE_RUNTIME: '/no/such/runtime' }
  const tare = tareOf(createHost({ home: join(temporaryFolder(), 'home'), environment }))
  const begun: string[] = []
  const build = (last: string) =>
    tare.build({
      context: { kind: 'empty' },
      dockerfile: { text: `FROM scratch\nWORKDIR /w\n${last}\n` },
      isolation: 'oci',
      report: (event) => void (event.type === 'step-started' && begun.push(event.title)),
    })
  await expect(build('RUN ["/none"]')).rejects.toMatchObject({ code: 'SANDBOX_MISSING' })
  expect(begun.filter((title) => title.includes('WORKDIR'))).toEqual([])
  await build('CMD ["/none"]')
  expect(begun.filter((title) => title.includes('WORKDIR'))).toHaveLength(1)
})
