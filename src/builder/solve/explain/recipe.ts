import { chainId, type Snapshot } from '../../../content/layers/index.ts'
import type { Store } from '../../../content/store/index.ts'
import { type Digest, formatReference } from '../../../oci/index.ts'
import { sha256Hex } from '../../../support/index.ts'
import type { CopyOperation, MakeDirectoryOperation, Operation, OperationId, RunOperation } from '../../plan/index.ts'

/** A file that a step has put into its layer: what is compared when it is made again. */
export type RecipeFile = readonly [
  path: string,
  kind: string,
  mode: number,
  owner: string,
  size: number,
  /** The digest of a file, or where a link leads. */
  content: string,
]

/** What a step was made of, in words: lets a later build say what has changed. No contents, and nothing secret. */
export interface Recipe {
  readonly kind: Operation['kind']
  /** `RUN make`. */
  readonly what: string
  readonly stage: string
  /** The filesystem it was applied to. */
  readonly onto: string
  /** The step that made that. */
  readonly below: string
  /** The image at the bottom. */
  readonly base?: { readonly name: string; readonly digest: string; readonly chain: string }
  /** Everything else, by what it is called. */
  readonly inputs: Readonly<Record<string, string>>
  /** What it has made. */
  readonly diffId?: Digest
  /** Its files, if the layer itself is not here. */
  readonly files?: readonly RecipeFile[]
}

/** Returns the recipe of a step; `inputs` without those that are empty, except variables. */
export function recipeOf(
  operation: CopyOperation | MakeDirectoryOperation | RunOperation,
  onto: Snapshot,
  { operations = [] }: { readonly operations?: readonly Operation[] },
  inputs: Readonly<Record<string, string | undefined>>,
): Recipe {
  const given = Object.entries(inputs).filter(
    (entry): entry is [string, string] =>
      (entry[1] ?? '') !== '' || (entry[1] === '' && entry[0].startsWith('variable ')),
  )
  return {
    kind: operation.kind,
    what: withoutPlace(operation.title),
    stage: operation.stage,
    onto: onto.id,
    below: withoutPlace(operations[operation.onto]?.title ?? ''),
    ...baseBelow(operations, operation.onto),
    inputs: Object.fromEntries(given),
  }
}

/** `[build 2/4] RUN make` → `RUN make`. */
function withoutPlace(title: string): string {
  return title.replace(/^\[[^\]]*\] /, '')
}

function baseBelow(operations: readonly Operation[], from: OperationId): Pick<Recipe, 'base'> {
  let below = operations[from]
  while (below !== undefined && 'onto' in below) below = operations[below.onto]
  if (below?.kind !== 'image') return {}
  const { manifest, layers, reference } = below.base
  const name = reference === undefined ? below.name : formatReference(reference)
  return { base: { name, digest: manifest.digest, chain: chainId(layers) } }
}

/** Returns a short digest of something that need not be shown, or must not be. */
export function digestOfText(text: string): string {
  return sha256Hex(text).slice(0, 12)
}

/** Returns what is remembered of a step; undefined if there is nothing, or something else. */
export function recallRecipe(records: Store['records'], key: string): Recipe | undefined {
  try {
    return readRecipe(JSON.parse(records.recall('recipes', key) ?? 'null'))
  } catch {
    return undefined
  }
}

/** Parses a recipe. Undefined if it is none. */
export function readRecipe(value: unknown): Recipe | undefined {
  const raw = value as Recipe | null
  const isText = (text: unknown) => typeof text === 'string'
  if (typeof raw !== 'object' || raw === null) return undefined
  if (![raw.kind, raw.what, raw.stage, raw.onto, raw.below].every(isText)) return undefined
  if (typeof raw.inputs !== 'object' || raw.inputs === null || !Object.values(raw.inputs).every(isText))
    return undefined
  if (raw.base !== undefined && ![raw.base?.name, raw.base?.digest, raw.base?.chain].every(isText)) return undefined
  if (raw.files !== undefined && !(Array.isArray(raw.files) && raw.files.every((file) => Array.isArray(file))))
    return undefined
  return raw
}
