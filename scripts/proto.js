// Writes src/buildkit/messages from the .proto files beside it, or into the folder that is given. Needs Node 22 or later.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const programs = join(root, 'node_modules/.bin')
const messages = resolve(process.argv[2] ?? join(root, 'src/buildkit/messages'))
const template = {
  version: 'v2',
  plugins: [
    {
      local: [process.execPath, join(programs, 'protoc-gen-es')],
      out: messages,
      opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true', 'elide_plugin_version=true'],
    },
  ],
}

rmSync(messages, { recursive: true, force: true })
execFileSync(
  join(programs, 'buf'),
  ['generate', join(root, 'src/buildkit/proto'), '--template', JSON.stringify(template)],
  {
    stdio: 'inherit',
    cwd: root,
  },
)
