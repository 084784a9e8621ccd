import { readdirSync, readFileSync } from 'node:fs'

/** Command lines on this machine that have the text in them. The text has to be this test's alone: others run beside it. */
export function processesWith(text: string): readonly string[] {
  return commandLines().filter((line) => line.includes(text))
}

function commandLines(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')]
      } catch {
        return []
      }
    })
}
