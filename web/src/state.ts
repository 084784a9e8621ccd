import type { Model, Span } from './explorer.ts'
import type { Colouring } from './treemap/colours.ts'

export const themes = ['auto', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]
export type Tab = 'files' | 'differences' | 'space' | 'findings' | 'config'

/** Which part of an image: all of it; what its layers up to one make; or what one of them did. Layers count from 1. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'through'; readonly layer: number }
  | { readonly kind: 'only'; readonly layer: number }

/** Where somebody is on the page. */
export interface State {
  readonly tab: Tab
  readonly scope: Scope
  /** The directory that the treemap shows. */
  readonly root: number
  readonly selected: number
  readonly hovered: number | undefined
  /** Directories that are open in the tree. */
  readonly open: ReadonlySet<number>
  readonly bySize: boolean
  readonly colouring: Colouring
  readonly query: string
  /** Shows only what is different, where two images are compared. */
  readonly onlyDifferent: boolean
  readonly theme: Theme
  readonly showsKeys: boolean
  /** Whether keys without a modifier do something. */
  readonly hasKeys: boolean
}

export type Change = Partial<State> | ((state: State) => Partial<State>)

export function initialState({ images }: Model): State {
  return {
    ...{ tab: 'files', root: 0, selected: 0, hovered: undefined, open: new Set([0]) },
    ...inScope({ kind: 'all' }, images[0].contents.layers.length),
    ...(images.length === 2 ? { colouring: 'change' } : {}),
    ...{ bySize: true, query: '', onlyDifferent: false },
    ...{ theme: remembered('tare.theme', themes) ?? 'auto', showsKeys: false },
    hasKeys: remembered('tare.keys', ['on', 'off']) !== 'off',
  }
}

/** Another part of the image: of a layer, what it did is of interest; in the whole, who did it, if that could have been several. */
export function inScope(scope: Scope, layers: number): Pick<State, 'scope' | 'colouring'> {
  return { scope, colouring: scope.kind !== 'all' ? 'change' : layers > 1 ? 'layer' : 'type' }
}

/** A layer is compared with the one below it; all of an image, with nothing. */
export function spanOf(scope: Scope, layers: number): Span {
  if (scope.kind === 'all') return { top: layers, base: layers }
  return { top: scope.layer, base: scope.layer - 1, onlyChanges: scope.kind === 'only' }
}

/** A directory is what the treemap shows. */
export function zoomed(node: number): Pick<State, 'root' | 'selected'> {
  return { root: node, selected: node }
}

export function reduce(state: State, change: Change): State {
  return { ...state, ...(typeof change === 'function' ? change(state) : change) }
}

/** A page in a file may not be allowed to keep anything. */
function remembered<T extends string>(key: string, values: readonly T[]): T | undefined {
  try {
    return values.find((value) => value === localStorage.getItem(key))
  } catch {
    return undefined
  }
}

export function remember(key: 'tare.theme' | 'tare.keys', value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // Then the next page starts as this one did.
  }
}
