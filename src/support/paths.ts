// Linux's limit for a path (PATH_MAX), which also limits how deeply directories can nest.
export const longestPath = 4095
export const deepestPath = 2048

/** Returns the normalized relative path, or undefined if `..` leads out of the root. */
export function pathInside(path: string): string | undefined {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return parts.join('/')
}
