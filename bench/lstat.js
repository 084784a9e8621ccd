// Lists a folder and lstats every file below it, like any program that looks for what has changed.
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

function visit(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    lstatSync(path)
    if (entry.isDirectory()) visit(path)
  }
}

visit(process.argv[2])
