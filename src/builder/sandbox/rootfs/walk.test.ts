import { chmodSync, mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isRoot, temporaryFolder } from '../../../../test/kit/cli.ts'
import { unlessMissing } from '../../../../test/kit/needs.ts'
import { walk } from './walk.ts'

test.skipIf(!unlessMissing(isRoot, 'only root can read such files'))(
  'of files that only root may read, contents are copied, but not the holes of large ones',
  () => {
    const folder = temporaryFolder()
    const [upper, aside] = [join(folder, 'upper'), join(folder, 'aside')]
    mkdirSync(upper)
    for (const name of ['large', 'small']) writeFileSync(join(upper, name), 'secret')
    truncateSync(join(upper, 'large'), 300 * 2 ** 30)
    for (const name of ['large', 'small']) chmodSync(join(upper, name), 0)
    const children = walk(upper, undefined, aside)[0]!.children!
    expect(children.find(({ name }) => name === 'small')).toMatchObject({ aside: 0 })
    const large = children.find(({ name }) => name === 'large')
    expect(large).toMatchObject({ size: 300 * 2 ** 30, sparse: true })
    expect(large).not.toHaveProperty('aside')
    expect(statSync(aside).size).toBe(6)
  },
)
