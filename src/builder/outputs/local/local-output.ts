import { mkdirSync, realpathSync, rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { LocalOutput } from '../../../api/index.ts'
import { makeFolder, replacementFor, sweepBeside } from '../../../disk/index.ts'
import type { Reference } from '../../../oci/index.ts'
import { Pace, TareError } from '../../../support/index.ts'
import { fileSets } from '../file-sets.ts'
import { ImageFiles } from '../image-files.ts'
import { explainFolder } from '../output-places.ts'
import type { OutputWork, PreparedOutput } from '../types.ts'
import { HeldDirectory } from './open-directory.ts'
import { checkPlaces, type Placing, placeFiles } from './place-files.ts'
import { FileStager } from './stage-files.ts'

/** The image's files in a folder: written below it now, moved to their places later. Rejects with `DESTINATION_INVALID`. */
export async function prepareLocal(
  output: LocalOutput,
  names: readonly Reference[],
  work: OutputWork,
): Promise<PreparedOutput> {
  try {
    return await prepare(output, names, work)
  } catch (error) {
    throw explainFolder(output.path, error)
  }
}

async function prepare(output: LocalOutput, names: readonly Reference[], work: OutputWork): Promise<PreparedOutput> {
  const path = resolve(output.path)
  const made = makeFolder(path, 0o777)
  const folder = realpathSync(path)
  const target = join(folder, 'tare')
  sweepBeside(target)
  const stage = replacementFor(target).path
  const discard = async () => {
    rmSync(stage, { recursive: true, force: true })
    if (made !== undefined) rmSync(made, { recursive: true, force: true })
  }
  try {
    mkdirSync(stage, 0o700)
    const stager = new FileStager(stage, new Pace(work.signal))
    for (const set of await fileSets(work, names, output)) {
      const files = await ImageFiles.open(work, set.image)
      try {
        await stager.add(set, files)
      } finally {
        files.close()
      }
    }
    stager.finish()
    const { skipped } = stager
    if (skipped.length > 0)
      work.report({
        type: 'warning',
        rule: 'FilesSkipped',
        message: `${skipped.length} devices or pipes of the image are not written to ${output.path}, such as ${skipped[0]}`,
      })
    const placing = placingIn(output)
    const place = (work: (held: HeldDirectory) => void) => holding(folder, work)
    place((held) => checkPlaces(stager.tree, held, placing))
    const publish = async () => {
      try {
        place((held) =>
          holding(stage, (from) => placeFiles(stager.tree, from, held, placing, new Set([basename(stage)]))),
        )
      } catch (error) {
        throw explainFolder(output.path, error)
      } finally {
        rmSync(stage, { recursive: true, force: true })
      }
      return [{ kind: 'local' as const, to: output.path }]
    }
    return { what: `the files in ${output.path}`, publish, discard }
  } catch (error) {
    await discard()
    throw error
  }
}

function holding(path: string, work: (held: HeldDirectory) => void): void {
  const held = new HeldDirectory(path)
  try {
    work(held)
  } finally {
    held.close()
  }
}

function placingIn({ path, mode = 'copy' }: LocalOutput): Placing {
  return {
    deletes: mode === 'delete',
    refuse: (place, what) => {
      throw new TareError('DESTINATION_INVALID', `cannot write ${join(path, place)}: ${what} is there`, {
        remedy: 'Remove it, or write to another folder; mode=delete removes everything that is not in the image.',
      })
    },
  }
}
