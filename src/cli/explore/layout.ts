export interface Size {
  readonly columns: number
  readonly rows: number
}

/** Where everything is on the screen. */
export interface Layout extends Size {
  /** Width of the left side; 0 if there is only the tree. */
  readonly left: number
  /** Width of the tree; 0 if there are only the layers. */
  readonly right: number
  /** Rows of each list and text, without headings. */
  readonly layers: number
  readonly layerDetails: number
  readonly imageDetails: number
  readonly tree: number
  readonly fileDetails: number
}

/** Below this width, only one side is shown at a time. */
const twoSides = 60
export const smallest: Size = { columns: 20, rows: 6 }

/** Divides a screen. `only`: the side that a narrow screen shows; `right` alone may have any screen. */
export function layoutOf({ columns, rows }: Size, layers: number, only: 'left' | 'right' | 'right alone'): Layout {
  // The last two lines are the search and the keys.
  const body = Math.max(0, rows - 2)
  const hasBoth = columns >= twoSides && only !== 'right alone'
  const left = hasBoth ? Math.min(Math.floor((columns - 1) / 2), 80) : only === 'left' ? columns : 0
  const right = hasBoth ? columns - left - 1 : columns - left
  const fileDetails = body >= 12 ? 2 : 0
  const listed = Math.max(1, Math.min(layers, body < 12 ? body - 1 : Math.max(4, Math.floor(body * 0.4))))
  // Each heading takes a row.
  const details = Math.max(0, body - 1 - listed)
  const layerDetails = details < 4 ? 0 : Math.min(Math.ceil(details / 2) - 1, 12)
  const imageDetails = layerDetails === 0 ? 0 : details - layerDetails - 2
  return {
    ...{ columns, rows, left, right, layers: listed, layerDetails, imageDetails },
    tree: Math.max(1, body - 1 - (fileDetails === 0 ? 0 : fileDetails + 1)),
    fileDetails,
  }
}
