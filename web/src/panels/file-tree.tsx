import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import {
  childrenOf,
  isDirectory,
  type Mark,
  type Matches,
  marks,
  rowsOf,
  shownPaths,
  type Tree,
  type View,
} from '../explorer.ts'
import { memo } from '../memo.ts'
import { type Change, zoomed } from '../state.ts'
import { differenceText, sizeText } from '../text/numbers.ts'
import { printable } from '../text/printable.ts'

export interface FileTreeProps {
  /** One, or two that are compared. */
  readonly views: readonly View[]
  readonly open: ReadonlySet<number>
  readonly selected: number
  readonly bySize: boolean
  readonly matches: Matches | undefined
  readonly onlyDifferent: boolean
  readonly change: (change: Change) => void
}

const rowHeight = 28
const spare = 8
// Pixels in which the last rows fade out. (style/layout.css)
const fade = 20

/** The files as a tree for eyes and hands: only rows in sight are made, whatever their number. */
export const FileTree = memo((props: FileTreeProps) => {
  const { views, selected, open, bySize, matches, onlyDifferent, change } = props
  const box = useRef<HTMLDivElement>(null)
  const [scroll, setScroll] = useState({ top: 0, height: 600 })
  const shown = useMemo(
    () => shownPaths(views, { matches, hidden: onlyDifferent ? new Set<Mark>(['same']) : undefined }),
    [views, matches, onlyDifferent],
  )
  const rows = useMemo(
    () => rowsOf(views, shown, { bySize, isOpen: (path) => isOpen(props, path) }),
    [shown, open, bySize],
  )
  const places = useMemo(() => placesOf(views[0]!, rows), [rows])
  const index = rows.indexOf(selected)
  const measure = () => {
    const { scrollTop: top, clientHeight: height } = box.current!
    setScroll((known) => (known.top === top && known.height === height ? known : { top, height }))
  }
  useLayoutEffect(() => {
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(box.current!)
    return () => observer.disconnect()
  }, [])
  useEffect(() => {
    if (index < 0) return
    const { scrollTop, clientHeight } = box.current!
    const top = index * rowHeight
    if (top < scrollTop) box.current!.scrollTop = top
    else if (top + rowHeight > scrollTop + clientHeight - fade)
      box.current!.scrollTop = top + rowHeight - clientHeight + fade
  }, [index, selected])

  const first = Math.max(0, Math.floor(scroll.top / rowHeight) - spare)
  const last = Math.min(rows.length, Math.ceil((scroll.top + scroll.height) / rowHeight) + spare)
  const isThere = index >= first && index < last
  return (
    <div
      class="tree"
      role="tree"
      aria-label="Files"
      tabIndex={0}
      aria-activedescendant={isThere ? `row-${selected}` : undefined}
      ref={box}
      onScroll={measure}
      onKeyDown={(event) => {
        if (takeKey(event, rows, index, shown, props)) event.preventDefault()
      }}
      onMouseLeave={() => change({ hovered: undefined })}
    >
      <div class="tree-space" role="none" style={{ height: `${rows.length * rowHeight}px` }}>
        {[...rows.subarray(first, last)].map((node, i) => (
          <TreeRow
            key={node}
            node={node}
            top={(first + i) * rowHeight}
            position={places.position[first + i]!}
            siblings={places.siblings[views[0]!.image.tree.parent[node]!]!}
            isOpened={isOpen(props, node)}
            isSelected={node === selected}
            views={views}
            shown={shown}
            change={change}
          />
        ))}
      </div>
    </div>
  )
})

interface TreeRowProps {
  readonly node: number
  readonly top: number
  readonly position: number
  readonly siblings: number
  readonly isOpened: boolean
  readonly isSelected: boolean
  readonly views: readonly View[]
  readonly shown: Uint8Array
  readonly change: (change: Change) => void
}

const TreeRow = memo((props: TreeRowProps) => {
  const { node, top, position, siblings, isOpened, isSelected, views, shown, change } = props
  const { tree } = views[0]!.image
  const isFolder = isFolderIn(views, node)
  const view = views.findLast(({ change }) => change[node]! >= 0) ?? views[0]!
  const { mark, word } = markOf(views, node)
  const target = view.image.contents.targets[view.change[node]!]
  const share = Math.min(1, view.total[node]! / Math.max(1, view.total[tree.parent[node]!] ?? 0))
  const [a, b] = views
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree takes the keys
    // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus, and names the active item
    <div
      id={`row-${node}`}
      class={`tree-row ${word}`}
      role="treeitem"
      aria-level={tree.depth[node]!}
      aria-setsize={siblings}
      aria-posinset={position}
      aria-selected={isSelected}
      aria-expanded={isFolder ? isOpened : undefined}
      style={{ top: `${top}px`, paddingInlineStart: `min(${(tree.depth[node]! - 1) * 14 + 4}px, 45%)` }}
      onMouseEnter={() => change({ hovered: node })}
      onClick={() => {
        change({ selected: node })
        if (isFolder) change(toggled(isOpened ? [node] : chainFrom(tree, shown, node), !isOpened))
      }}
    >
      <span class="tree-arrow" aria-hidden="true">
        {isFolder ? (isOpened ? '▾' : '▸') : ''}
      </span>
      <span class="tree-mark" aria-hidden="true">
        {mark}
      </span>
      <bdi class="tree-name">
        {printable(tree.name[node]!)}
        {target !== undefined && <span class="tree-target"> → {printable(target)}</span>}
      </bdi>
      {word !== '' && <span class="unseen">{word}</span>}
      {b === undefined ? (
        <span class="tree-bar" aria-hidden="true">
          <span style={{ width: `${share * 100}%` }} />
        </span>
      ) : (
        <span class={`tree-difference ${b.total[node]! > a!.total[node]! ? 'more' : 'less'}`}>
          {differenceText(b.total[node]! - a!.total[node]!)}
        </span>
      )}
      <span class="tree-size">{sizeText(view.total[node]!)}</span>
    </div>
  )
})

const signs = { added: '+', changed: '~', removed: '−' } as const

function markOf(views: readonly View[], node: number): { readonly mark: string; readonly word: string } {
  const own = views.map(({ mark }) => marks[mark[node]!]!).map((mark) => (mark === 'rewritten' ? 'changed' : mark))
  const word = (['added', 'changed', 'removed'] as const).find((one) => own.includes(one))
  return word === undefined ? { mark: '', word: '' } : { mark: signs[word], word }
}

function isFolderIn(views: readonly View[], node: number): boolean {
  return views.some((view) => isDirectory(view, node))
}

/** A search opens what leads to its matches. */
function isOpen({ views, open, matches }: Pick<FileTreeProps, 'views' | 'open' | 'matches'>, node: number): boolean {
  return (open.has(node) || matches?.found[node] === 1) && isFolderIn(views, node)
}

/** For each row, which of its directory's it is; and for each path, how many rows are directly in it. */
function placesOf({ image: { tree } }: View, rows: Uint32Array) {
  const siblings = new Uint32Array(tree.count)
  const position = rows.map((node) => ++siblings[tree.parent[node]!]!)
  return { position, siblings }
}

/** Opens directories, or closes them. */
function toggled(nodes: readonly number[], isOpened: boolean): Change {
  return ({ open }) => {
    const next = new Set(open)
    for (const node of nodes) {
      if (isOpened) next.add(node)
      else next.delete(node)
    }
    return { open: next }
  }
}

/** A directory, and what opens with it: a directory that is alone in another. */
function chainFrom(tree: Tree, shown: Uint8Array, node: number): readonly number[] {
  const chain = [node]
  for (let only: number | undefined = node; only !== undefined; ) {
    const children: number[] = [...childrenOf(tree, only)].filter((child) => shown[child] === 1)
    only = children.length === 1 ? children[0]! : undefined
    if (only !== undefined) chain.push(only)
  }
  return chain
}

/** The keys of a tree. (ARIA Authoring Practices, "Tree View") Returns whether it was one. */
function takeKey(
  event: KeyboardEvent,
  rows: Uint32Array,
  index: number,
  shown: Uint8Array,
  props: FileTreeProps,
): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || rows.length === 0) return false
  const { views, open, change } = props
  const { tree } = views[0]!.image
  const node = rows[index]
  const isFolder = node !== undefined && isFolderIn(views, node)
  const isOpened = node !== undefined && isOpen(props, node)
  const go = (to: number) => change({ selected: rows[Math.max(0, Math.min(rows.length - 1, to))]! })
  switch (event.key) {
    case 'ArrowDown':
      go(index + 1)
      return true
    case 'ArrowUp':
      go(index < 0 ? 0 : index - 1)
      return true
    case 'Home':
      go(0)
      return true
    case 'End':
      go(rows.length - 1)
      return true
    case 'PageDown':
      go(index + 15)
      return true
    case 'PageUp':
      go(index - 15)
      return true
    case 'ArrowRight':
      if (isFolder && !isOpened) change(toggled(chainFrom(tree, shown, node), true))
      else if (isOpened) go(index + 1)
      return true
    case 'ArrowLeft':
      if (isOpened && open.has(node)) change(toggled([node], false))
      else if (node !== undefined && tree.parent[node]! > 0) change({ selected: tree.parent[node]! })
      return true
    case 'Enter':
      if (node !== undefined) change(zoomed(isFolder ? node : tree.parent[node]!))
      return true
    default:
      return false
  }
}
