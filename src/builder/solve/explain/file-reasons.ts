import type { LayerEntry, LayerIndex } from '../../../files/layer/index.ts'
import type { StepReason } from '../../../support/index.ts'
import { short } from './reasons.ts'
import type { RecipeFile } from './recipe.ts'

// More are counted.
const mostFiles = 20

/** Returns the files of a layer in the form that is compared. */
export function filesOf({ entries }: LayerIndex): RecipeFile[] {
  return entries.map((entry): RecipeFile => {
    const { path, kind, mode, uid, gid, size } = entry
    return [path, kind, mode, `${uid}:${gid}`, size, contentOf(entry)]
  })
}

function contentOf({ kind, digest, link }: LayerEntry): string {
  return kind === 'file' ? (digest ?? '') : (link ?? '')
}

/** Returns what differs between the files of two layers. `nameOf` returns what a path is called where it comes from. */
export function fileReasons(
  old: readonly RecipeFile[],
  now: readonly RecipeFile[],
  nameOf: (path: string) => string,
): StepReason[] {
  const before = new Map(old.map((file) => [file[0], file]))
  const after = new Map(now.map((file) => [file[0], file]))
  const reasons: StepReason[] = []
  for (const [path, file] of after) {
    const was = before.get(path)
    const reason = was === undefined ? isNew(nameOf(path), file) : difference(nameOf(path), was, file)
    if (reason !== undefined) reasons.push(reason)
  }
  for (const [path, file] of before) if (!after.has(path)) reasons.push(isGone(nameOf(path), file))
  if (reasons.length <= mostFiles) return reasons
  const rest = reasons.length - mostFiles
  return [...reasons.slice(0, mostFiles), { kind: 'file', message: `and ${rest} more files changed` }]
}

function isNew(name: string, file: RecipeFile): StepReason {
  return { kind: 'file', name, to: file[5], message: `the ${kindOf(file)} ${name} is new${told(file, ': ')}` }
}

function isGone(name: string, file: RecipeFile): StepReason {
  return { kind: 'file', name, from: file[5], message: `the ${kindOf(file)} ${name} is gone${told(file, '; it was ')}` }
}

function difference(name: string, was: RecipeFile, is: RecipeFile): StepReason | undefined {
  const said = (from: string, to: string, message: string) => ({ kind: 'file', name, from, to, message })
  if (was[1] !== is[1]) return said(was[1], is[1], `${name} was a ${kindOf(was)} and is a ${kindOf(is)} now`)
  if (was[4] !== is[4] || was[5] !== is[5]) {
    if (is[1] !== 'file') return said(was[5], is[5], `the ${kindOf(is)} ${name} leads to ${is[5]} instead of ${was[5]}`)
    return said(was[5], is[5], `the file ${name} changed from ${told(was, '')} to ${told(is, '')}`)
  }
  if (was[2] !== is[2])
    return said(octal(was), octal(is), `the mode of ${name} changed from ${octal(was)} to ${octal(is)}`)
  if (was[3] !== is[3]) return said(was[3], is[3], `the owner of ${name} changed from ${was[3]} to ${is[3]}`)
  return undefined
}

function told(file: RecipeFile, before: string): string {
  if (file[1] !== 'file') return ''
  const bytes = `${file[4]} ${file[4] === 1 ? 'byte' : 'bytes'}`
  return `${before}${file[5] === '' ? bytes : `${short(file[5])} (${bytes})`}`
}

function kindOf(file: RecipeFile): string {
  if (file[1] === 'symlink') return 'link'
  return file[1] === 'hardlink' ? 'hard link' : file[1] === 'remove' ? 'removal' : file[1]
}

function octal(file: RecipeFile): string {
  return (file[2] & 0o7777).toString(8).padStart(4, '0')
}
