import { Cursor, type ListedFiles, letters } from './list-format.ts'

/** What differs between two lists. */
export interface ListChanges {
  /** Files of which only the mode or the time differs, in whole seconds. */
  readonly metadata: readonly string[]
  /** The others, as `Touched`. */
  readonly touched: readonly string[]
}

/** Compares lists; returns undefined if more than `most` entries differ. Throws an Error for a damaged list. */
export function compareLists(before: ListedFiles, after: ListedFiles, most: number): ListChanges | undefined {
  const [a, b] = [new Cursor(before), new Cursor(after)]
  const metadata: string[] = []
  const touched: string[] = []
  const path: string[] = []
  const tell = (cursor: Cursor) => touched.push(cursor.pathIn(path))
  while (touched.length <= most && !(a.isAtEnd && b.isAtEnd)) {
    const { filesKey } = a
    if (filesKey !== '' && filesKey === b.filesKey) {
      a.skipFiles()
      b.skipFiles()
      continue
    }
    const order = a.compareName(b)
    if (order < 0) {
      tell(a)
      a.skip()
    } else if (order > 0) {
      tell(b)
      b.skip()
    } else {
      if (a.letter !== b.letter) tell(b)
      else if (a.letter === letters.directory) {
        if (!a.equals(b)) tell(b)
        path.push(a.name)
      } else if (a.letter === letters.up) path.pop()
      else if (a.letter !== letters.files && !a.equals(b)) {
        if (a.letter === letters.file && a.differsOnlyInMetadata(b)) metadata.push(b.pathIn(path))
        else tell(b)
      }
      a.next()
      b.next()
    }
  }
  return touched.length > most ? undefined : { metadata, touched }
}
