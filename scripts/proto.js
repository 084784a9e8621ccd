// Writes src/buildkit/messages from the .proto files beside it, or into the folder that is given.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseProto } from './proto/parse.js'
import { writeModule } from './proto/write.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const sources = join(root, 'src/buildkit/proto')
const messages = resolve(process.argv[2] ?? join(root, 'src/buildkit/messages'))

const files = readdirSync(sources)
  .sort()
  .map((name) => parseProto(name, readFileSync(join(sources, name), 'utf8')))
rmSync(messages, { recursive: true, force: true })
mkdirSync(messages, { recursive: true })
for (const file of files)
  writeFileSync(join(messages, file.name.replace(/\.proto$/, '_pb.ts')), writeModule(file, files))
