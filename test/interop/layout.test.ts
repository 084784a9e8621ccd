import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openBench, start } from '../kit/cli.ts'
import { hasProgram } from '../kit/needs.ts'

// The store is an OCI layout: other tools read it where it lies.

async function openStore() {
  const bench = openBench({
    Dockerfile: 'FROM scratch\nCOPY etc /etc\nENV A=1\nLABEL by=tare\nCMD ["/bin/sh"]\n',
    'etc/hostname': 'here\n',
    'etc/deep/er': 'there\n',
  })
  const id = (await bench.succeed(['build', '-q', '-t', 'app', '-t', 'example.com/team/app:2', 'context'])).trim()
  const run = async (...command: string[]) => {
    const { code, out, err } = await start(command, { cwd: bench.folder }).outcome
    if (code !== 0) throw new Error(`${command.join(' ')}: ${err}`)
    return out
  }
  return { ...bench, id, run }
}

describe.skipIf(!hasProgram('skopeo'))('skopeo', () => {
  test('inspects an image in the store by its full name', async () => {
    const { home, id, run } = await openStore()
    for (const name of ['docker.io/library/app:latest', 'example.com/team/app:2']) {
      const seen = JSON.parse(await run('skopeo', 'inspect', `oci:${home}:${name}`))
      expect(seen).toMatchObject({ Architecture: expect.any(String), Os: 'linux', Labels: { by: 'tare' } })
      expect(seen.Env).toContain('A=1')
      const config = JSON.parse(await run('skopeo', 'inspect', '--raw', '--config', `oci:${home}:${name}`))
      expect(config).toEqual(JSON.parse(readFileSync(join(home, 'blobs', id.replace(':', '/')), 'utf8')))
    }
  })

  test('copies an image out of the store, and tare loads the copy as the same image', async () => {
    const { folder, home, id, run, succeed } = await openStore()
    const policy = '--insecure-policy'
    await run('skopeo', 'copy', policy, `oci:${home}:docker.io/library/app:latest`, 'oci:copy:app')
    await run('skopeo', 'copy', policy, `oci:${home}:docker.io/library/app:latest`, 'docker-archive:copy.tar:app:9')
    for (const copy of ['copy', 'copy.tar']) {
      const other = join(folder, `home-${copy}`)
      await succeed(['load', '-i', copy], { home: other })
      expect(await succeed(['images', '-q', '--no-trunc'], { home: other })).toBe(`${id}\n`)
    }
  })

  test('puts an image into the store, which tare lists and keeps', async () => {
    const { home, folder, id, run, succeed } = await openStore()
    const other = join(folder, 'other')
    await run(
      'skopeo',
      'copy',
      '--insecure-policy',
      `oci:${home}:docker.io/library/app:latest`,
      `oci:${other}:docker.io/library/theirs:1`,
    )
    const list = await succeed(['images', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}'], {
      home: other,
    })
    expect(list).toBe(`theirs:1 ${id}\n`)
    await succeed(['image', 'prune', '-f'], { home: other })
    await succeed(['build', '-q', '-t', 'ours', 'context'], { home: other })
    await run('skopeo', 'inspect', `oci:${other}:docker.io/library/theirs:1`)
  })
})

describe.skipIf(!hasProgram('umoci'))('umoci', () => {
  test('shows and unpacks an image in the store', async () => {
    const { folder, home, run } = await openStore()
    const image = `${home}:docker.io/library/app:latest`
    const seen = JSON.parse(await run('umoci', 'stat', '--json', '--image', image))
    expect(seen.history.map(({ created_by }: { created_by: string }) => created_by)).toEqual([
      ...['COPY etc /etc # buildkit', 'ENV A=1', 'LABEL by=tare', 'CMD ["/bin/sh"]'],
    ])
    await run('umoci', 'unpack', '--rootless', '--image', image, 'bundle')
    expect(readFileSync(join(folder, 'bundle/rootfs/etc/deep/er'), 'utf8')).toBe('there\n')
    expect(await run('umoci', 'ls', '--layout', home)).toBe('docker.io/library/app:latest\nexample.com/team/app:2\n')
  })
})
