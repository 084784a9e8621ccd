import type { Snapshot } from '../../../content/layers/index.ts'
import { partsOf } from '../../../files/tree/index.ts'
import type { CopyOperation } from '../../plan/index.ts'
import type { Pick as Picked } from '../copy/pick-sources.ts'
import type { Tools } from '../tools.ts'
import { type Recipe, recipeOf } from './recipe.ts'

/** Returns what a COPY or ADD is made of. `files` stands for what its sources contain. */
export function copyRecipe(operation: CopyOperation, onto: Snapshot, tools: Tools, files: string): Recipe {
  const { to, owner, mode, link, parents, exclude, sources } = operation
  const flags = {
    '--chown': owner,
    '--chmod': mode,
    '--link': link ? 'true' : '',
    '--parents': parents ? 'true' : '',
    '--exclude': exclude.join(' '),
    '--rewrite-timestamp': tools.latest?.toString(),
  }
  const named = sources.map(({ path, unpack }, i) => [`source ${i + 1}`, `${path}${unpack ? ' (unpacked)' : ''}`])
  return recipeOf(operation, onto, tools, { destination: to, ...flags, ...Object.fromEntries(named), files })
}

/** Returns what a file of the layer is called where it was copied from, as far as that can be told. */
export function sourceOf(
  path: string,
  { to, sources, parents }: CopyOperation,
  found: readonly ({ readonly picks: readonly Picked[] } | undefined)[],
): string {
  const below = partsOf(to).join('/')
  const prefix = below === '' ? '' : `${below}/`
  if (path !== below && !path.startsWith(prefix)) return `/${path}`
  const rest = path === below ? '' : path.slice(prefix.length)
  for (const [i, { path: source }] of sources.entries())
    for (const pick of found[i]?.picks ?? []) {
      if (pick.node.kind === 'directory' && !parents) return [partsOf(source).join('/'), rest].filter(Boolean).join('/')
      if (rest === '' || rest === pick.name) return pick.path
    }
  return `/${path}`
}
