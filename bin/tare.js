#!/usr/bin/env node
// Any Node can read this file: one that is too old says so before anything newer is loaded.
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`tare needs Node.js 20.19 or newer, and this is ${process.version}.`)
  process.exitCode = 1
} else {
  // Until main has said how it ended, it has not ended well.
  process.exitCode = 1
  import('../dist/cli/main.js')
    .then(({ main }) => main(process.argv.slice(2), process.env))
    .then((code) => {
      process.exitCode = code
    })
}
