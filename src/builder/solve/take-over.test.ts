import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { faultsOf } from '../../../test/kit/check-store.ts'
import { temporaryFolder } from '../../../test/kit/cli.ts'
import { runs } from '../../../test/kit/scale.ts'
import { type Solved, solveBench } from '../../../test/kit/solving.ts'
import { listTar, manyBytes } from '../../../test/kit/trees.ts'
import { Store } from '../../content/store/index.ts'
import { TareError } from '../../support/index.ts'

const path = fc
  .array(fc.constantFrom('a', 'b', 'c', 'long'.repeat(30)), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'))
const seconds = fc.constantFrom(5, 1_700_000_000.25, 1_800_000_000)
type Edit =
  | { readonly write: string; readonly size: number }
  | { readonly link: string; readonly to: string }
  | { readonly symlink: string; readonly to: string }
  | { readonly remove: string }
  | { readonly move: string; readonly to: string }
  | { readonly mode: string; readonly bits: number }
  | { readonly touch: string; readonly time: number }
  | { readonly folder: string }
const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ write: path, size: fc.constantFrom(0, 1, 511, 512, 700, 40_000) }) },
  fc.record({ link: path, to: path }),
  fc.record({ symlink: path, to: path }),
  fc.record({ remove: path }),
  fc.record({ move: path, to: path }),
  fc.record({ mode: path, bits: fc.constantFrom(0o644, 0o755, 0o4711, 0o700) }),
  fc.record({ touch: path, time: seconds }),
  fc.record({ folder: path }),
)

/** Does the edit if it can be done. */
function apply(folder: string, one: Edit): void {
  const at = (name: string) => join(folder, name)
  const parents = (name: string) => mkdirSync(dirname(at(name)), { recursive: true })
  try {
    if ('write' in one) {
      parents(one.write)
      writeFileSync(at(one.write), manyBytes(one.size))
    } else if ('link' in one) {
      parents(one.link)
      linkSync(at(one.to), at(one.link))
    } else if ('symlink' in one) {
      parents(one.symlink)
      symlinkSync(one.to, at(one.symlink))
    } else if ('remove' in one) rmSync(at(one.remove), { recursive: true })
    else if ('move' in one) renameSync(at(one.move), at(one.to))
    else if ('mode' in one) {
      if (!lstatSync(at(one.mode)).isSymbolicLink()) chmodSync(at(one.mode), one.bits)
    } else if ('touch' in one) lutimesSync(at(one.touch), one.time, one.time)
    else mkdirSync(at(one.folder), { recursive: true })
  } catch {
    // Such an edit cannot be made of this folder.
  }
}

/** A folder that a build has to read again and again, with something in it that makes taking over worth while. */
function folderOf(edits: readonly Edit[], folder: string): void {
  writeFileSync(join(folder, 'big'), manyBytes(1_200_000))
  for (const one of edits) apply(folder, one)
}

/** What was made, or the code of the error: a file may meet a directory. */
async function outcome(making: Promise<Solved>): Promise<Solved | string> {
  try {
    return await making
  } catch (error) {
    if (error instanceof TareError) return error.code
    throw error
  }
}

const dockerfiles = [
  ['FROM scratch', 'COPY . /'],
  ['FROM scratch', 'COPY . /app/'],
  ['FROM scratch', 'COPY --chown=5:6 --chmod=u+rwX,go= . /app'],
  ['FROM scratch', 'COPY --link --exclude=**/c . /x/y'],
  ['FROM scratch', 'COPY --parents a b* big /'],
  // Not into the same place: a remembered first step has older times, which show in what the second one adds.
  ['FROM scratch', 'COPY a b* /low/', 'COPY . /high'],
]

test('a layer that takes over from an earlier one is the layer that a fresh store makes, after any edits', async () => {
  let taken = 0
  const others = temporaryFolder()
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...dockerfiles),
      fc.array(edit, { maxLength: 15 }),
      fc.array(fc.array(edit, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      fc.constantFrom(undefined, 1_750_000_000),
      async (file, first, rounds, latest) => {
        const bench = solveBench()
        // Both have to be there in every round, whatever is moved away.
        const complete = () => {
          for (const name of ['a', 'big'])
            if (lstatSync(join(bench.folder, name), { throwIfNoEntry: false }) === undefined)
              writeFileSync(join(bench.folder, name), manyBytes(1_200_000))
        }
        folderOf(first, bench.folder)
        complete()
        await outcome(bench.make(file, { latest }))
        for (const round of rounds) {
          for (const one of round) apply(bench.folder, one)
          complete()
          const [made, fresh] = await Promise.all([
            outcome(bench.make(file, { latest })),
            outcome(bench.make(file, { latest, store: new Store(join(others, String(Math.random()))) })),
          ])
          if (typeof made === 'string' || typeof fresh === 'string') expect(made).toBe(fresh)
          else if (made.cached.length === 0) {
            taken++
            expect(made.diffIds).toEqual(fresh.diffIds)
            expect(readFileSync(made.paths.at(-1)!).equals(readFileSync(fresh.paths.at(-1)!))).toBe(true)
          } else {
            // Remembered: times may be older, nothing else differs.
            expect(await listTar(made.paths.at(-1)!)).toEqual(await listTar(fresh.paths.at(-1)!))
          }
        }
        expect(await faultsOf(bench.store.home)).toEqual([])
      },
    ),
    { numRuns: runs(40) },
  )
  expect(taken).toBeGreaterThan(runs(10))
})
