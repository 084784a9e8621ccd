import type { View } from '../explorer.ts'
import { memo } from '../memo.ts'
import { type Colouring, layerColour, type Palette } from '../treemap/colours.ts'

interface LegendProps {
  readonly view: View
  readonly colouring: Colouring
  readonly palette: Palette
  readonly typeNames: readonly string[]
}

/** What the colours of the treemap mean. */
export const Legend = memo(({ view, colouring, palette, typeNames }: LegendProps) => {
  const { layers } = view.image.contents
  if (colouring === 'layer') {
    if (layers.length === 0) return null
    if (layers.length > 6)
      return (
        <p class="legend">
          <span>layer 1</span>
          <span
            class="legend-ramp"
            style={{
              background: `linear-gradient(to right, ${layerColour(palette, 1, 2)}, ${layerColour(palette, 2, 2)})`,
            }}
          />
          <span>layer {layers.length}</span>
        </p>
      )
    return (
      <p class="legend">
        {layers.map(({ number }) => (
          <Swatch key={number} colour={layerColour(palette, number, layers.length)} text={`layer ${number}`} />
        ))}
      </p>
    )
  }
  if (colouring === 'type')
    return (
      <p class="legend">
        {typeNames.map((name, i) => (
          <Swatch key={name} colour={palette.types[i]!} text={name} />
        ))}
        <Swatch colour={palette.plain} text="other" />
      </p>
    )
  return (
    <p class="legend">
      <Swatch colour={palette.added} text="+ added" />
      <Swatch colour={palette.changed} text="~ changed" />
      <Swatch colour={palette.removed} text="− removed" />
      <Swatch colour={palette.plain} text="as before" />
    </p>
  )
})

function Swatch({ colour, text }: { readonly colour: string; readonly text: string }) {
  return (
    <span class="swatch">
      <span style={{ background: colour }} aria-hidden="true" />
      {text}
    </span>
  )
}
