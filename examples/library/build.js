// Uses the library to build an image from a Dockerfile given as text, show progress, and save the image.
//
//   node examples/library/build.js [FOLDER]      the store and the archive are created in FOLDER, or in a new temporary folder
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openTare, TareError } from 'tare'

const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'tare-library-'))
const context = join(folder, 'context')
mkdirSync(context, { recursive: true })
writeFileSync(join(context, 'greeting.txt'), 'Hello.\n')

const tare = await openTare({ home: join(folder, 'store') })

const image = await tare.build({
  context: { kind: 'directory', path: context },
  dockerfile: { text: 'FROM scratch\nARG TO\nCOPY greeting.txt /srv/\nLABEL to=$TO\n', name: 'Dockerfile' },
  buildArgs: { TO: 'you' },
  tags: ['greeting:1', 'greeting:latest'],
  signal: AbortSignal.timeout(60_000),
  report: (event) => {
    if (event.type === 'step-started') console.log(`step ${event.step}: ${event.title}`)
    if (event.type === 'warning') console.log(`${event.rule}: ${event.message}`)
  },
})
console.log(`built ${image.names.join(', ')}`)

const { Config, RootFS } = await tare.images.inspect('greeting:1')
console.log(`labels ${JSON.stringify(Config.Labels)}, ${RootFS.Layers.length} layer`)
for (const { repository, tag, size } of await tare.images.list()) console.log(`${repository}:${tag} has ${size} bytes`)

await tare.images.save({ names: ['greeting:1'], to: { path: join(folder, 'greeting.tar') } })
console.log('saved greeting.tar')

// Errors a user can run into are TareErrors: with a stable code, and often a remedy and the location in the Dockerfile.
try {
  await tare.build({
    context: { kind: 'directory', path: context },
    dockerfile: { text: 'FROM scratch\nCOPY greetin.txt /\n' },
  })
} catch (error) {
  if (!(error instanceof TareError)) throw error
  console.log(`line ${error.where?.line}: ${error.code}: ${error.remedy}`)
}

// A signal cancels the work: the promise rejects with the signal's reason, and nothing half-written is left behind.
const stop = new AbortController()
const stopped = tare.build({
  context: { kind: 'directory', path: context },
  tags: ['never'],
  dockerfile: { text: 'FROM scratch\nCOPY greeting.txt /other/\n' },
  signal: stop.signal,
  report: ({ type }) => {
    if (type === 'step-started') stop.abort(new Error('that is enough'))
  },
})
console.log(await stopped.catch((reason) => `stopped: ${reason.message}`))
