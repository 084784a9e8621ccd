import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { isRoot } from '../../../../test/kit/cli.ts'
import { hasProgram, unlessMissing } from '../../../../test/kit/needs.ts'
import { nestingRoot } from './machine.ts'

const run = (argv: readonly string[]) => spawnSync(argv[0]!, argv.slice(1), { encoding: 'utf8' })

const maps = isRoot && run([...nestingRoot([]), 'true']).status === 0

describe.skipIf(!unlessMissing(maps, 'root cannot map its IDs in a user namespace here'))('root in a namespace', () => {
  const ids = ['grep', '-E', '^[UG]id:', '/proc/self/status']
  const root = 'Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n'

  test('has its own IDs', () => {
    expect(run([...nestingRoot(['--mount']), ...ids])).toMatchObject({ status: 0, stdout: root, stderr: '' })
  })

  test.skipIf(!hasProgram('strace'))('has them also where they are mapped while a shell starts', () => {
    // Whoever writes does so late, and a shell that asks who it is gets on later still.
    const late = ['-e', 'inject=write:delay_enter=100000:when=1', '-e', 'inject=getuid:delay_exit=300000']
    const trace = ['strace', '-D', '-f', '-o', '/dev/null', '-e', 'trace=write,getuid', ...late]
    expect(run([...trace, ...nestingRoot([]), ...ids])).toMatchObject({ status: 0, stdout: root })
  })
})
