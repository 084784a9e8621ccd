/** What part of the full count property tests and the like are run: all of it in `npm run soak`. */
const scale = Number(process.env['TARE_TEST_SCALE'] ?? 0.2)

/** How often to try what is tried `full` times in all. */
export function runs(full: number): number {
  return Math.ceil(full * scale)
}
