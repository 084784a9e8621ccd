import { useMemo } from 'preact/hooks'
import { type ExploredImage, type LayerTally, tallyLayers } from '../explorer.ts'
import type { LayerSummary, WeighResult } from '../library.ts'
import { memo } from '../memo.ts'
import { type Change, inScope, type Scope } from '../state.ts'
import { instructionOf } from '../text/instruction.ts'
import { countText, sizeText } from '../text/numbers.ts'
import { layerColour, type Palette } from '../treemap/colours.ts'

interface LayersProps {
  readonly image: ExploredImage
  readonly weighed: WeighResult | undefined
  readonly scope: Scope
  readonly palette: Palette
  readonly change: (change: Change) => void
}

/** The layers, the lowest first; each can be looked at alone, or with all below it. */
export const Layers = memo(({ image, weighed, scope, palette, change }: LayersProps) => {
  const { layers } = image.contents
  const onScope = (next: Scope) => change(inScope(next, layers.length))
  const tallies = useMemo(() => tallyLayers(image), [image])
  const largest = Math.max(1, ...layers.map(({ contentSize }) => contentSize))
  return (
    <section class="layers" aria-label="Layers">
      <h2>
        Layers <span class="count">{layers.length}</span>
      </h2>
      <fieldset class="segments" aria-label="What the page shows">
        <button type="button" aria-pressed={scope.kind === 'all'} onClick={() => onScope({ kind: 'all' })}>
          Whole image
        </button>
        {(['only', 'through'] as const).map((kind) => (
          <button
            type="button"
            key={kind}
            aria-pressed={scope.kind === kind}
            disabled={layers.length === 0}
            onClick={() => onScope({ kind, layer: scope.kind === 'all' ? layers.length : scope.layer })}
          >
            {kind === 'only' ? 'One layer' : 'Up to it'}
          </button>
        ))}
      </fieldset>
      {layers.length === 0 && <p class="quiet">This image has no layers: only a config.</p>}
      <ol class="layer-list">
        {layers.map((layer, i) => (
          <LayerItem
            key={layer.number}
            layer={layer}
            tally={tallies[i]!}
            wasted={weighed?.layers[i]?.wasted ?? 0}
            share={layer.contentSize / largest}
            colour={layerColour(palette, layer.number, layers.length)}
            isChosen={scope.kind !== 'all' && scope.layer === layer.number}
            isIncluded={
              scope.kind === 'all' ||
              (scope.kind === 'through' ? layer.number <= scope.layer : layer.number === scope.layer)
            }
            onChoose={() => onScope({ kind: scope.kind === 'through' ? 'through' : 'only', layer: layer.number })}
          />
        ))}
      </ol>
    </section>
  )
})

interface LayerItemProps {
  readonly layer: LayerSummary
  readonly tally: LayerTally
  readonly wasted: number
  readonly share: number
  readonly colour: string
  readonly isChosen: boolean
  readonly isIncluded: boolean
  readonly onChoose: () => void
}

function LayerItem({ layer, tally, wasted, share, colour, isChosen, isIncluded, onChoose }: LayerItemProps) {
  const { keyword, rest } = instructionOf(layer.createdBy)
  return (
    <li>
      <button type="button" class={isIncluded ? 'layer' : 'layer outside'} aria-pressed={isChosen} onClick={onChoose}>
        <span class="layer-line">
          <span class="layer-number">{layer.number}</span>
          <span class="layer-size">{sizeText(layer.contentSize)}</span>
        </span>
        <span class="layer-instruction">
          <b>{keyword}</b> {rest}
        </span>
        <span class="layer-bar" aria-hidden="true">
          <span style={{ width: `${Math.max(share * 100, layer.contentSize > 0 ? 1 : 0)}%`, background: colour }} />
        </span>
        <span class="layer-facts">
          <Tally sign="+" word="added" count={tally.added} />
          <Tally sign="~" word="changed" count={tally.changed} />
          <Tally sign="−" word="removed" count={tally.removed} />
          {wasted > 0 && <span class="wasted">{sizeText(wasted)} wasted</span>}
        </span>
      </button>
    </li>
  )
}

function Tally({ sign, word, count }: { readonly sign: string; readonly word: string; readonly count: number }) {
  if (count === 0) return null
  return (
    <span class={word}>
      <span aria-hidden="true">{sign}</span>
      {countText(count)}
      <span class="unseen"> {word}</span>
    </span>
  )
}
