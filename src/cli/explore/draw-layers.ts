import type { LayerSummary } from '../../index.ts'
import { humanSize } from '../text/human.ts'
import type { State } from './state.ts'
import { cut, heading, shownName, type Theme, wrap } from './theme.ts'

/** The left side: the layers, details of the chosen one, and of the image. */
export function drawLayers(state: State, theme: Theme): readonly string[] {
  const { layout, layer, image, pane } = state
  const width = layout.left
  const lines = [heading('Layers', width, pane === 'layers', theme), ...layerRows(state, theme)]
  if (layout.layerDetails === 0) return lines
  const chosen = image.layers[layer - 1]
  lines.push(heading(`Layer ${layer} of ${image.layers.length}`, width, false, theme))
  lines.push(...fill(chosen === undefined ? [] : layerDetails(state, chosen, theme), layout.layerDetails))
  lines.push(heading('Image', width, false, theme))
  lines.push(...fill(imageDetails(state, theme), layout.imageDetails))
  return lines
}

function layerRows({ image, layout, layer, layerTop, pane }: State, theme: Theme): readonly string[] {
  if (image.layers.length === 0) return fill([' The image has no layers.'], layout.layers)
  const shown = image.layers.slice(layerTop, layerTop + layout.layers)
  const digits = String(image.layers.length).length
  return shown.map(({ number, contentSize, createdBy = '' }) => {
    const text = ` ${String(number).padStart(digits)} ${humanSize(contentSize, 3).padStart(7)}  ${instruction(createdBy)}`
    const line = cut(text, layout.left, theme)
    if (number !== layer) return line
    return (pane === 'layers' ? theme.selected : theme.bold)(line.padEnd(layout.left))
  })
}

/** An instruction as it was written, as far as the history lets it be seen. */
function instruction(createdBy: string): string {
  return shownName(createdBy.replace(/\s+/g, ' ').replace(/^\/bin\/sh -c #\(nop\) +/, ''))
}

function layerDetails({ layout, view, aggregated }: State, layer: LayerSummary, theme: Theme): readonly string[] {
  const { counts } = view
  const compressed = layer.isCompressed ? `, ${humanSize(layer.size, 3)} compressed` : ''
  const facts: (readonly [string, string])[] = [
    ['Size', `${humanSize(layer.contentSize, 3)} in ${layer.files} file${layer.files === 1 ? '' : 's'}${compressed}`],
    ...(aggregated
      ? []
      : [['Changes', `+${counts.added} ~${counts.changed} =${counts.rewritten} -${counts.removed}`] as const]),
    ['Diff ID', layer.diffId],
    ...(layer.digest === layer.diffId ? [] : [['Digest', layer.digest] as const]),
    ...(layer.created === undefined ? [] : [['Created', layer.created.replace(/(\.\d+)?Z$/, 'Z')] as const]),
  ]
  const text = instruction(layer.createdBy ?? '')
  // The instruction says most, so it is shown even if there is room for little else.
  const room = layout.layerDetails
  const kept = facts.slice(0, Math.max(1, room - 2))
  return [
    ...kept.map(([label, value]) => fact(label, value, layout.left, theme)),
    ...wrap(text, layout.left - 2, room - kept.length, theme).map((line) => ` ${line}`),
  ]
}

function imageDetails({ image, layout }: State, theme: Theme): readonly string[] {
  const { weight, config, platform, wastedPaths } = image
  const system = [platform.os, platform.architecture, ...(platform.variant === undefined ? [] : [platform.variant])]
  const command = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])].join(' ')
  const percent = `${(weight.efficiency * 100).toFixed(weight.efficiency === 1 ? 0 : 1)} %`
  const facts: readonly (readonly [string, string])[] = [
    ['Name', shownName(image.name)],
    ['Size', `${humanSize(weight.size, 3)}, efficiency ${percent}`],
    ['Wasted', humanSize(weight.wasted, 3)],
    ['ID', image.id],
    ['Platform', system.join('/')],
    ...(command === '' ? [] : [['Command', shownName(command)] as const]),
    ...((config.User ?? '') === '' ? [] : [['User', shownName(config.User!)] as const]),
  ]
  const wasted = wastedPaths.map(({ path, size, copies }) =>
    cut(` ${humanSize(size, 3).padStart(7)} ${copies}x /${shownName(path)}`, layout.left, theme),
  )
  const room = Math.max(3, layout.imageDetails - Math.min(wasted.length, 4))
  return [...facts.slice(0, room).map(([label, value]) => fact(label, value, layout.left, theme)), ...wasted]
}

function fact(label: string, value: string, width: number, theme: Theme): string {
  return ` ${theme.bold(label.padEnd(9))}${cut(value, width - 11, theme)}`
}

/** Exactly so many lines. */
export function fill(lines: readonly string[], count: number): readonly string[] {
  return Array.from({ length: Math.max(0, count) }, (_, i) => lines[i] ?? '')
}
