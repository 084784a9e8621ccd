import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Matches } from '../model/search.ts'
import { childrenOf, type Tree } from '../model/tree.ts'
import { isDirectory, states, type View } from '../model/view.ts'
import { differenceText, sizeText } from '../text/numbers.ts'
import { printable } from '../text/printable.ts'

export interface FileTreeProps {
  readonly tree: Tree
  /** One, or two that are compared. */
  readonly views: readonly View[]
  readonly open: ReadonlySet<number>
  readonly selected: number
  readonly bySize: boolean
  readonly matches: Matches | undefined
  readonly onlyDifferent: boolean
  readonly onSelect: (node: number) => void
  readonly onHover: (node: number | undefined) => void
  readonly onToggle: (nodes: readonly number[], open: boolean) => void
  readonly onZoom: (node: number) => void
}

interface Row {
  readonly node: number
  readonly isDirectory: boolean
  readonly isOpen: boolean
  readonly position: number
  readonly siblings: number
}

const rowHeight = 28
const spare = 8

/** The files as a tree for eyes and hands: only rows in sight are made, whatever their number. */
export function FileTree(props: FileTreeProps) {
  const { tree, views, selected } = props
  const box = useRef<HTMLDivElement>(null)
  const [scroll, setScroll] = useState({ top: 0, height: 600 })
  const rows = useMemo(() => rowsOf(props), [tree, views, props.open, props.bySize, props.matches, props.onlyDifferent])
  const index = rows.findIndex(({ node }) => node === selected)
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
    else if (top + rowHeight > scrollTop + clientHeight) box.current!.scrollTop = top + rowHeight - clientHeight
  }, [index, selected])

  const first = Math.max(0, Math.floor(scroll.top / rowHeight) - spare)
  const last = Math.min(rows.length, Math.ceil((scroll.top + scroll.height) / rowHeight) + spare)
  const shown = rows.slice(first, last)
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
        if (takeKey(event, rows, index, props)) event.preventDefault()
      }}
      onMouseLeave={() => props.onHover(undefined)}
    >
      <div class="tree-space" role="none" style={{ height: `${rows.length * rowHeight}px` }}>
        {shown.map((row, i) => (
          <TreeRow key={row.node} row={row} top={(first + i) * rowHeight} props={props} />
        ))}
      </div>
    </div>
  )
}

function TreeRow({ row, top, props }: { readonly row: Row; readonly top: number; readonly props: FileTreeProps }) {
  const { tree, views, selected, onSelect, onHover, onToggle } = props
  const { node, isDirectory: isFolder, isOpen } = row
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
      aria-setsize={row.siblings}
      aria-posinset={row.position}
      aria-selected={node === selected}
      aria-expanded={isFolder ? isOpen : undefined}
      style={{ top: `${top}px`, paddingInlineStart: `${(tree.depth[node]! - 1) * 14 + 4}px` }}
      onMouseEnter={() => onHover(node)}
      onClick={() => {
        onSelect(node)
        if (isFolder) onToggle(isOpen ? [node] : chainFrom(props, node), !isOpen)
      }}
    >
      <span class="tree-arrow" aria-hidden="true">
        {isFolder ? (isOpen ? '▾' : '▸') : ''}
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
}

const marks = { added: '+', changed: '~', removed: '−' } as const

function markOf(views: readonly View[], node: number): { readonly mark: string; readonly word: string } {
  for (const word of ['added', 'changed', 'removed'] as const)
    if (views.some(({ state }) => state[node] === states[word])) return { mark: marks[word], word }
  return { mark: '', word: '' }
}

type Shown = Pick<FileTreeProps, 'tree' | 'views' | 'matches' | 'onlyDifferent'>

/** Returns what tells whether a path is in the tree. */
function filterOf({ tree, views, matches, onlyDifferent }: Shown): (node: number) => boolean {
  const different = onlyDifferent ? differing(tree, views) : undefined
  return (node) =>
    views.some(({ state }) => state[node] !== states.absent) &&
    (matches === undefined || matches.found[node] !== 0) &&
    (different === undefined || different[node] !== 0)
}

function rowsOf(props: FileTreeProps): readonly Row[] {
  const { tree, views, open, bySize, matches } = props
  const rows: Row[] = []
  const isShown = filterOf(props)
  const weight = (node: number) => Math.max(...views.map(({ total }) => total[node]!))
  const add = (parent: number): void => {
    const children = [...childrenOf(tree, parent)].filter(isShown)
    if (bySize) children.sort((a, b) => weight(b) - weight(a))
    for (const [i, node] of children.entries()) {
      const isFolder = views.some((view) => isDirectory(view, tree, node))
      // A search opens what leads to its matches.
      const isOpen = isFolder && (open.has(node) || matches?.found[node] === 1)
      rows.push({ node, isDirectory: isFolder, isOpen, position: i + 1, siblings: children.length })
      if (isOpen) add(node)
    }
  }
  add(0)
  return rows
}

/** A directory, and what opens with it: a directory that is alone in another. */
function chainFrom(props: FileTreeProps, node: number): readonly number[] {
  const isShown = filterOf(props)
  const chain = [node]
  for (let only: number | undefined = node; only !== undefined; ) {
    const children: number[] = [...childrenOf(props.tree, only)].filter(isShown)
    only = children.length === 1 ? children[0]! : undefined
    if (only !== undefined) chain.push(only)
  }
  return chain
}

/** Paths that are different, and the directories that they are in. */
function differing(tree: Tree, views: readonly View[]): Uint8Array {
  const found = new Uint8Array(tree.count)
  for (let node = tree.count - 1; node > 0; node--) {
    if (views.some(({ state }) => state[node]! > states.same)) found[node] = 1
    if (found[node] === 1) found[tree.parent[node]!] = 1
  }
  return found
}

/** The keys of a tree. (ARIA Authoring Practices, "Tree View") Returns whether it was one. */
function takeKey(event: KeyboardEvent, rows: readonly Row[], index: number, props: FileTreeProps): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || rows.length === 0) return false
  const { tree, onSelect, onToggle, onZoom } = props
  const row = rows[index]
  const go = (to: number) => onSelect(rows[Math.max(0, Math.min(rows.length - 1, to))]!.node)
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
      if (row?.isDirectory && !row.isOpen) onToggle(chainFrom(props, row.node), true)
      else if (row?.isOpen) go(index + 1)
      return true
    case 'ArrowLeft':
      if (row?.isOpen && props.open.has(row.node)) onToggle([row.node], false)
      else if (row !== undefined && tree.parent[row.node]! > 0) onSelect(tree.parent[row.node]!)
      return true
    case 'Enter':
      if (row !== undefined) onZoom(row.isDirectory ? row.node : tree.parent[row.node]!)
      return true
    default:
      return false
  }
}
