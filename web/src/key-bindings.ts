import type { Model, View } from './explorer.ts'
import { type Change, inScope, remember, type State, type Tab } from './state.ts'
import { colouringsOf } from './treemap/colours.ts'

/** What keys act on, as it is now. */
export interface Keyboard {
  readonly state: State
  readonly change: (change: Change) => void
  readonly model: Model
  readonly views: readonly View[]
  readonly tabs: readonly Tab[]
}

/** Does what a key stands for, unless somebody types, or wants no single keys. */
export function takeKey(event: KeyboardEvent, { state, change, model, views, tabs }: Keyboard): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
  if (document.querySelector('dialog[open]') !== null) return
  const target = event.target as HTMLElement
  if (target.matches('input, textarea, select')) return
  if (event.key === 'Escape') {
    change({ query: '' })
    return
  }
  if (event.key === 'Backspace') {
    const { root } = state
    if (state.tab === 'files' && root > 0) change({ root: model.tree.parent[root]!, selected: root })
    event.preventDefault()
    return
  }
  if (!state.hasKeys) return
  const tab = tabs[Number(event.key) - 1]
  if (tab !== undefined) change({ tab })
  else if (event.key === '/') {
    const focus = () => document.getElementById('search')?.focus()
    if (state.tab === 'files') focus()
    else {
      change({ tab: 'files' })
      // Once the view is there.
      setTimeout(focus)
    }
  } else if (event.key === '?') change({ showsKeys: true })
  else if (event.key === 'c') {
    const colourings = colouringsOf(views)
    change({ colouring: colourings[(colourings.indexOf(state.colouring) + 1) % colourings.length]! })
  } else if (event.key === 's') change({ bySize: !state.bySize })
  else if (event.key === 't') {
    const isDark = state.theme === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : state.theme === 'dark'
    const theme = isDark ? 'light' : 'dark'
    remember('tare.theme', theme)
    change({ theme })
  } else if (model.images.length !== 1 || !layerKey(event.key, state, change, model)) return
  event.preventDefault()
}

function layerKey(key: string, { scope }: State, change: Keyboard['change'], { images }: Model): boolean {
  const { length } = images[0].contents.layers
  if (key === 'w') change(inScope({ kind: 'all' }, length))
  else if (length === 0) return false
  else if (key === 'u') {
    const kind = scope.kind === 'only' ? 'through' : 'only'
    change(inScope({ kind, layer: scope.kind === 'all' ? length : scope.layer }, length))
  } else if (key === '[' || key === ']') {
    const from = scope.kind === 'all' ? (key === '[' ? length + 1 : 0) : scope.layer
    const layer = Math.max(1, Math.min(length, from + (key === '[' ? -1 : 1)))
    change(inScope({ kind: scope.kind === 'through' ? 'through' : 'only', layer }, length))
  } else return false
  return true
}
