import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isRoot, openBench, ordinaryUser, temporaryFolder } from './kit/cli.ts'

const script = 'FROM scratch\nCOPY . /\nLABEL a=b\n'

test.skipIf(!isRoot)('two users with two umasks make one archive of one tree, byte for byte', async () => {
  const { folder, tare } = openBench({ Dockerfile: script, 'd/x': 'x', 'run.sh': 'exit 0' })
  chmodSync(join(folder, 'context/run.sh'), 0o755)
  const out = temporaryFolder()
  chmodSync(out, 0o1777)
  for (const at of [folder, join(folder, 'context'), join(folder, 'context/d')]) chmodSync(at, 0o755)
  const env = { SOURCE_DATE_EPOCH: '1600000000', HOME: out }
  const build = async (name: string, umask: string, user?: number) => {
    const options = { env, home: join(out, `home-${name}`), ...(user === undefined ? {} : { user }) }
    const wrapper = ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh']
    const archive = join(out, `${name}.tar`)
    const output = `type=oci,dest=${archive},name=app:1,compression=gzip,attestation-inline=true`
    const flags = ['--rewrite-timestamp', '--provenance=true', '--sbom=true', '-o', output]
    const {
      code,
      out: id,
      err,
    } = await tare(['build', '-q', ...flags, join(folder, 'context')], { ...options, wrapper })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    return { id, archive: readFileSync(archive) }
  }
  const one = await build('root', '022')
  const other = await build('user', '077', ordinaryUser)
  expect(other.id).toBe(one.id)
  expect(other.archive.equals(one.archive)).toBe(true)
})
