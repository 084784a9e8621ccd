// Beyond this, the shortest difference is not worth its time.
const editLimit = 4000
const context = 3

interface Step {
  readonly kind: ' ' | '-' | '+'
  readonly line: string
}

/**
 * Returns a unified diff of two texts, like `diff -u`; empty if they are equal. If the texts have little in common, everything
 * between the first and the last difference is replaced. (Myers, "An O(ND) difference algorithm", 1986)
 */
export function unifiedDiff(a: string, b: string, names: { readonly a: string; readonly b: string }): string {
  if (a === b) return ''
  const before = splitLines(a)
  const after = splitLines(b)
  const steps = compareLines(before, after)
  return [`--- ${names.a}\n`, `+++ ${names.b}\n`, ...hunks(steps)].join('')
}

/** Splits into lines including their ends; the last may have none. */
function splitLines(text: string): readonly string[] {
  return text === '' ? [] : text.split(/(?<=\n)/)
}

function compareLines(a: readonly string[], b: readonly string[]): readonly Step[] {
  let head = 0
  while (head < a.length && a[head] === b[head]) head += 1
  let tail = 0
  while (tail < Math.min(a.length, b.length) - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1
  const same = (line: string): Step => ({ kind: ' ', line })
  const between = shortestEdit(a.slice(head, a.length - tail), b.slice(head, b.length - tail))
  return [...a.slice(0, head).map(same), ...between, ...a.slice(a.length - tail).map(same)]
}

function shortestEdit(a: readonly string[], b: readonly string[]): readonly Step[] {
  const trace = furthestPaths(a, b)
  const steps: Step[] = []
  if (trace === undefined) {
    for (const line of a) steps.push({ kind: '-', line })
    for (const line of b) steps.push({ kind: '+', line })
    return steps
  }
  // Follows the path that reached the end backwards.
  let x = a.length
  let y = b.length
  for (let d = trace.length - 1; d >= 0; d--) {
    const reached = trace[d]!
    const k = x - y
    const at = (diagonal: number) => reached[diagonal + d] ?? -1
    const isDown = k === -d || (k !== d && at(k - 1) < at(k + 1))
    const fromX = d === 0 ? 0 : isDown ? at(k + 1) : at(k - 1)
    const fromY = d === 0 ? 0 : fromX - (isDown ? k + 1 : k - 1)
    while (x > fromX && y > fromY) {
      steps.push({ kind: ' ', line: a[x - 1]! })
      x -= 1
      y -= 1
    }
    if (d > 0) steps.push(isDown ? { kind: '+', line: b[y - 1]! } : { kind: '-', line: a[x - 1]! })
    x = fromX
    y = fromY
  }
  return steps.reverse()
}

/**
 * Returns, for each number of edits, how far along `a` each diagonal was reached before: element `k + d` of list `d`. Undefined
 * if too many edits are needed.
 */
function furthestPaths(a: readonly string[], b: readonly string[]): readonly Int32Array[] | undefined {
  const trace: Int32Array[] = []
  const most = Math.min(a.length + b.length, editLimit)
  const reached = new Int32Array(2 * most + 3)
  const middle = most + 1
  for (let d = 0; d <= most; d++) {
    trace.push(reached.slice(middle - d, middle + d + 1))
    for (let k = -d; k <= d; k += 2) {
      const isDown = k === -d || (k !== d && reached[middle + k - 1]! < reached[middle + k + 1]!)
      let x = isDown ? reached[middle + k + 1]! : reached[middle + k - 1]! + 1
      let y = x - k
      while (x < a.length && y < b.length && a[x] === b[y]) {
        x += 1
        y += 1
      }
      reached[middle + k] = x
      if (x >= a.length && y >= b.length) return trace
    }
  }
  return undefined
}

function* hunks(steps: readonly Step[]): Generator<string> {
  let lineA = 1
  let lineB = 1
  for (let i = 0; i < steps.length; ) {
    if (steps[i]!.kind === ' ') {
      i += 1
      lineA += 1
      lineB += 1
      continue
    }
    const start = Math.max(0, i - context)
    let end = i
    for (let quiet = 0; end < steps.length && quiet <= context * 2; end++)
      quiet = steps[end]!.kind === ' ' ? quiet + 1 : 0
    while (end > i && steps[end - 1]!.kind === ' ') end -= 1
    end = Math.min(steps.length, end + context)
    const hunk = steps.slice(start, end)
    const counts = {
      a: hunk.filter(({ kind }) => kind !== '+').length,
      b: hunk.filter(({ kind }) => kind !== '-').length,
    }
    yield `@@ -${rangeOf(lineA - (i - start), counts.a)} +${rangeOf(lineB - (i - start), counts.b)} @@\n`
    for (const { kind, line } of hunk)
      yield line.endsWith('\n') ? kind + line : `${kind}${line}\n\\ No newline at end of file\n`
    lineA += counts.a - (i - start)
    lineB += counts.b - (i - start)
    i = end
  }
}

/** As diff writes it: a single line without its count, and no lines as the one before. */
function rangeOf(line: number, count: number): string {
  return count === 1 ? String(line) : `${count === 0 ? line - 1 : line},${count}`
}
