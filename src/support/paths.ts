// What Linux takes for a path (PATH_MAX), and so the deepest that a directory can lie in one.
export const longestPath = 4095
export const deepestPath = 2048

/** The path, clean and relative, where it stays below its root; undefined where `..` leads out of it. */
export function pathInside(path: string): string | undefined {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return parts.join('/')
}
