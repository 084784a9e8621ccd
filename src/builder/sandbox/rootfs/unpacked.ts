import { chmodSync, existsSync, renameSync } from 'node:fs'
import { join, relative } from 'node:path'
import { makeFolder, type ProcessFiles, privately } from '../../../disk/index.ts'
import { hasHoles, mergeLayers, sameContent } from '../../../files/layer/index.ts'
import { compareTrees, type Directory, type Tree } from '../../../files/tree/index.ts'
import { systemCode } from '../../../support/index.ts'
import type { Machine } from '../machine/index.ts'
import type { Stack } from '../step/index.ts'
import { Extractor, shortName, standsAlone } from './extract.ts'
import { removeAll } from './remove-all.ts'
import { hasSetId, setIdPrograms, takeBits } from './set-id.ts'
import { treeOf } from './stack-trees.ts'

/**
 * Layers as directories, each unpacked once: named by diffId if self-contained, otherwise by the chain ID of the filesystem up to
 * it. A directory is complete or absent. Its set-user-ID programs have that bit only in a layer that ends with the process.
 */
export class Unpacked {
  readonly folder: string
  private readonly machine: Machine
  private readonly work: ProcessFiles
  private readonly extractor: Extractor
  private readonly making = new Map<string, Promise<string>>()
  private readonly withBits: {
    readonly programs: Directory
    readonly work: string
    readonly made: Promise<unknown>
  }[] = []

  constructor(folder: string, machine: Machine, work: ProcessFiles) {
    this.folder = folder
    this.machine = machine
    this.work = work
    this.extractor = new Extractor(machine)
  }

  /** Returns the names of the directories in `folder` for the stack's layers, lowest first, without empty layers. */
  async of(stack: Stack): Promise<string[]> {
    makeFolder(this.folder, privately)
    const names: string[] = []
    for (const i of stack.layers.keys()) {
      const name = await this.layer(stack, i)
      if (name !== '') names.push(name)
    }
    const programs = stack.layers.some(({ index }) => hasSetId(index)) ? setIdPrograms(stack.tree().root) : undefined
    return programs === undefined ? names : [...names, await this.layerWithBits(programs)]
  }

  /** Adopts a directory, which no step uses any more, as the top layer of the filesystem `chain`. */
  async adopt(directory: string, chain: string, { root }: Tree): Promise<void> {
    try {
      await takeBits(setIdPrograms(root), directory, this.machine)
      makeFolder(this.folder, privately)
      renameSync(directory, join(this.folder, nameOfChain(chain)))
    } catch {
      // It can be unpacked when needed.
    }
  }

  /** Removes what steps of this process have needed. */
  async close(): Promise<void> {
    const made = this.withBits.splice(0)
    await Promise.allSettled(made.map(({ made }) => made))
    await removeAll(
      this.machine,
      made.map(({ work }) => work),
    )
  }

  /** Returns where in `folder` these programs lie with their bits. */
  private async layerWithBits(programs: Directory): Promise<string> {
    let found = this.withBits.find((one) => compareTrees(one.programs, programs, sameContent).length === 0)
    if (found === undefined) {
      const work = this.work.make(['layer'])
      const made = this.extractor.contents(programs, join(work, 'layer'))
      found = { programs, work, made }
      this.withBits.push(found)
    }
    await found.made
    return relative(this.folder, join(found.work, 'layer'))
  }

  private async layer(stack: Stack, i: number): Promise<string> {
    const { index, chain, path } = stack.layers[i]!
    if (index.entries.every(({ kind }) => kind === 'touch')) return ''
    for (const name of [nameOfChain(chain), nameOfLayer(index.diffId)])
      if (existsSync(join(this.folder, name))) return name
    // A file with holes is described to tar as sparse, which requires a stream.
    const alone = standsAlone(index.entries) && !hasHoles(path)
    const name = alone ? nameOfLayer(index.diffId) : nameOfChain(chain)
    let made = this.making.get(name)
    if (made === undefined) {
      made = this.unpack(stack, i, alone, name).finally(() => this.making.delete(name))
      this.making.set(name, made)
    }
    return made
  }

  private async unpack(stack: Stack, i: number, alone: boolean, name: string): Promise<string> {
    const work = this.work.make(['layer'])
    const directory = join(work, 'layer')
    try {
      if (alone) await this.extractor.layer(stack.layers[i]!, directory)
      else await this.extractor.difference(treeOf(stack, i), treeOf(stack, i + 1), directory)
      await takeBits(programsOf(stack, i, alone), directory, this.machine)
      chmodSync(directory, 0o755)
      try {
        renameSync(directory, join(this.folder, name))
      } catch (error) {
        // Another process was faster.
        if (systemCode(error) !== 'ENOTEMPTY' && systemCode(error) !== 'EEXIST') throw error
      }
      return name
    } finally {
      await removeAll(this.machine, [work])
    }
  }
}

/** Returns the layer's set-user-ID programs. */
function programsOf(stack: Stack, i: number, alone: boolean): Directory | undefined {
  if (!alone) return setIdPrograms(treeOf(stack, i + 1).root)
  const layer = stack.layers[i]!
  return hasSetId(layer.index) ? setIdPrograms(mergeLayers([layer]).root) : undefined
}

function nameOfLayer(diffId: string): string {
  return shortName(diffId)
}

function nameOfChain(chain: string): string {
  return shortName(`chain ${chain}`)
}
