import { useEffect, useRef } from 'preact/hooks'
import { absent, isDirectory, layerOf, type Matches, type Model, pathOf, trailOf, type View } from '../explorer.ts'
import type { WeighResult } from '../library.ts'
import { type Change, type State, zoomed } from '../state.ts'
import { countOf, sizeText } from '../text/numbers.ts'
import { printable } from '../text/printable.ts'
import { colouringsOf, type Palette } from '../treemap/colours.ts'
import { Treemap } from '../treemap/treemap.tsx'
import { Details } from './details.tsx'
import { FileTree } from './file-tree.tsx'
import { summaryOf } from './header.tsx'
import { Layers } from './layers.tsx'
import { Legend } from './legend.tsx'

export interface FilesViewProps {
  readonly model: Model
  readonly views: readonly View[]
  readonly weighed: WeighResult | undefined
  readonly state: State
  readonly palette: Palette
  readonly matches: Matches | undefined
  readonly typeNames: readonly string[]
  readonly change: (change: Change) => void
}

/** Layers, treemap and tree; of two images, two treemaps and a tree of both. */
export function FilesView(props: FilesViewProps) {
  const { model, views, weighed, state, palette, matches, typeNames, change } = props
  const { tree } = model
  const isPair = views.length === 2
  const zoom = (node: number) => change(zoomed(node))
  return (
    <div class={isPair ? 'files files-pair' : 'files'}>
      {!isPair && (
        <Layers image={model.images[0]} weighed={weighed} scope={state.scope} palette={palette} change={change} />
      )}
      <section class="picture" aria-label="Treemap">
        <div class="picture-head">
          <Trail {...props} zoom={zoom} />
          <fieldset class="segments" aria-label="Colours of the treemap">
            {colouringsOf(views).map((colouring) => (
              <button
                type="button"
                key={colouring}
                aria-pressed={state.colouring === colouring}
                onClick={() => change({ colouring })}
              >
                {colouring[0]!.toUpperCase() + colouring.slice(1)}
              </button>
            ))}
          </fieldset>
        </div>
        <div class="maps">
          {views.map((view, i) => (
            <div class="map" key={i}>
              {isPair && (
                <p class="map-name">
                  <span class={`side-letter side-${'AB'[i]}`}>{'AB'[i]}</span> {summaryOf(view.image)}
                </p>
              )}
              <Treemap
                view={view}
                root={state.root}
                selected={state.selected}
                hovered={state.hovered}
                colouring={state.colouring}
                typeNames={typeNames}
                palette={palette}
                matches={matches}
                name={view.image.contents.name}
                onHover={(hovered) => change({ hovered })}
                onSelect={(selected) =>
                  change((now) => ({ selected, open: opened(now.open, trailOf(tree, selected)) }))
                }
                onZoom={zoom}
              />
            </div>
          ))}
        </div>
        <p class="caption">{captionOf(props)}</p>
        <Legend view={views[views.length - 1]!} colouring={state.colouring} palette={palette} typeNames={typeNames} />
      </section>
      <section class="browse" aria-label="Files">
        <Search {...props} />
        <FileTree
          views={views}
          open={state.open}
          selected={state.selected}
          bySize={state.bySize}
          matches={matches}
          onlyDifferent={state.onlyDifferent}
          change={change}
        />
        <Details views={views} node={state.selected} root={state.root} change={change} />
      </section>
    </div>
  )
}

/** The directories open, and those on the way. */
export function opened(open: ReadonlySet<number>, trail: readonly number[]): ReadonlySet<number> {
  return new Set([...open, ...trail])
}

function Trail({ model: { tree }, state, zoom }: FilesViewProps & { readonly zoom: (node: number) => void }) {
  const trail = trailOf(tree, state.root)
  const line = useRef<HTMLElement>(null)
  useEffect(() => {
    line.current!.scrollLeft = line.current!.scrollWidth
  }, [state.root])
  return (
    <nav class="trail" aria-label="Directory shown" ref={line}>
      {trail.map((node, i) => (
        <span key={node}>
          {i > 1 && <span class="quiet">/</span>}
          <button
            type="button"
            class="path"
            aria-current={node === state.root ? 'location' : undefined}
            onClick={() => zoom(node)}
          >
            {node === 0 ? '/' : printable(tree.name[node]!)}
          </button>
        </span>
      ))}
    </nav>
  )
}

function Search({ model: { tree }, views, state, matches, change }: FilesViewProps) {
  const isPair = views.length === 2
  return (
    <div class="search">
      <input
        id="search"
        type="search"
        placeholder="Search"
        aria-label="Search files"
        spellcheck={false}
        autocomplete="off"
        value={state.query}
        onInput={(event) => change({ query: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key === 'Escape') change({ query: '' })
          if (event.key !== 'Enter' && event.key !== 'ArrowDown') return
          event.preventDefault()
          const first = matches?.found.indexOf(2) ?? -1
          if (first > 0)
            change((now) => ({ selected: first, open: opened(now.open, trailOf(tree, tree.parent[first]!)) }))
          document.querySelector<HTMLElement>('.tree')?.focus()
        }}
      />
      <p class="search-line">
        <span role="status">
          {matches === undefined ? '' : countOf(matches.count, 'match').replace(/chs$/, 'ches')}
        </span>
        {isPair && (
          <label>
            <input
              type="checkbox"
              checked={state.onlyDifferent}
              onChange={(event) => change({ onlyDifferent: event.currentTarget.checked })}
            />
            Only differences
          </label>
        )}
        <button type="button" class="plain" onClick={() => change(({ bySize }) => ({ bySize: !bySize }))}>
          Sorted by {state.bySize ? 'size' : 'name'}
        </button>
      </p>
    </div>
  )
}

/** What is under the pointer; else what the treemap shows. */
function captionOf({ model: { tree }, views, state }: FilesViewProps): string {
  const node = state.hovered ?? state.root
  const parts = [printable(pathOf(tree, node))]
  for (const view of views) {
    const size = sizeText(view.total[node]!)
    const layer = layerOf(view, node)
    if (isDirectory(view, node)) parts.push(`${size} in ${countOf(view.files[node]!, 'file')}`)
    else if (view.mark[node] === absent) parts.push('not there')
    else parts.push(layer === 0 ? size : `${size}, layer ${layer}`)
  }
  return parts.join(' · ')
}
