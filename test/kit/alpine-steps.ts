import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { gunzipSync } from 'node:zlib'
import type { Command, Stack } from '../../src/builder/sandbox/index.ts'
import { hindrancesOf } from '../../src/builder/sandbox/machine/choose.ts'
import { thisMachine } from '../../src/builder/sandbox/machine/machine.ts'
import { findProgram } from '../../src/builder/sandbox/machine/programs.ts'
import { indexLayer, mergeLayers } from '../../src/files/layer/index.ts'
import { hasRootFilesystem, rootFilesystem } from './root-filesystem.ts'

/** Each sandbox, with what keeps it from being tried here; says what is left out. */
export function sandboxVariants() {
  const all = [
    { name: 'namespace', isolation: 'namespace', runtime: undefined },
    { name: 'crun', isolation: 'oci', runtime: 'crun' },
    { name: 'runc', isolation: 'oci', runtime: 'runc' },
    { name: 'chroot', isolation: 'chroot', runtime: undefined },
  ] as const
  return all.map((variant) => {
    const { name, isolation, runtime } = variant
    const hindrance = !hasRootFilesystem
      ? 'there is no root filesystem'
      : runtime !== undefined && findProgram(runtime) === undefined
        ? `there is no ${runtime}`
        : hindrancesOf(isolation, thisMachine(), tmpdir(), runtime)[0]?.what
    if (hindrance !== undefined) console.warn(`skipped: the sandbox ${name}, because ${hindrance}`)
    return { ...variant, hindrance }
  })
}

export const plainCommand: Command = {
  argv: [],
  env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  cwd: '/',
  user: '',
  network: 'default',
  insecure: false,
  mounts: [],
  scripts: [],
  hosts: [],
  limits: [],
}

/** Alpine as one layer, written to the path; or another tar. */
export function alpineStack(path: string, bytes: Uint8Array = gunzipSync(readFileSync(rootFilesystem!))): Stack {
  writeFileSync(path, bytes)
  const fd = openSync(path, 'r')
  const archive = {
    size: bytes.length,
    read: (into: Uint8Array, position: number) => readSync(fd, into, 0, into.length, position),
  }
  const diffId = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const
  const layer = { index: indexLayer(archive, diffId, 'the layer'), path, chain: diffId }
  closeSync(fd)
  const tree = mergeLayers([layer])
  return { layers: [layer], tree: () => tree }
}
