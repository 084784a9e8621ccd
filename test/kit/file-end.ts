// What tests of one file share, and what is to be ended with the file. Modules are the same for all files of a worker, whose hooks
// would be those of the first file alone.

const ends: (() => Promise<void> | void)[] = []

/** Calls it when the tests of this file have ended. */
export function atFileEnd(end: () => Promise<void> | void): void {
  ends.push(end)
}

/** For the hook of every file. */
export async function endFile(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end()
}
