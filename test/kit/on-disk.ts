// Where the files of tests go: into memory, if `own-folder.ts` has made a place there, as many small files are made and removed in a
// fraction of the time. What is about disks, and each kind of work once, goes to the disk; in `npm run soak` all does.

const { TARE_TEST_FOLDER, TARE_TEST_MEMORY } = process.env

/** For this file of tests, from here on. */
export function onDisk(): void {
  use(TARE_TEST_FOLDER)
}

/** What a file begins with. */
export function inMemory(): void {
  use(TARE_TEST_MEMORY ?? TARE_TEST_FOLDER)
}

function use(folder: string | undefined): void {
  if (folder !== undefined) process.env['TMPDIR'] = folder
}
