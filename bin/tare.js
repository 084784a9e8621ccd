#!/usr/bin/env node
// Any Node can parse this file: one that is too old gets a message before anything newer is loaded.
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`tare needs Node.js 20.19 or newer, and this is ${process.version}.`)
  process.exitCode = 1
} else {
  keepCompiled()
  spareMemory()
  // Until main reports a result, the exit code is a failure.
  process.exitCode = 1
  require('../dist/cli/main.cjs')
    .main(words(), process.env)
    .then((code) => {
      process.exitCode = code
    })
}

/** Under the name of kaniko's program, tare takes its flags. */
function words() {
  const [, self = '', ...rest] = process.argv
  return /(?:^|[\\/])executor$/.test(self) ? ['kaniko', ...rest] : rest
}

/**
 * Node 22 and later cache compiled modules, for a faster start. The folder is created here, because Node never returns from
 * creating one below /proc.
 */
function keepCompiled() {
  const { HOME, LOCALAPPDATA, XDG_CACHE_HOME } = process.env
  const { enableCompileCache } = require('node:module')
  const caches = XDG_CACHE_HOME || LOCALAPPDATA || (HOME && `${HOME}/.cache`)
  if (!caches || !enableCompileCache) return
  const { accessSync, constants, mkdirSync } = require('node:fs')
  try {
    for (const folder of [caches, `${caches}/tare`])
      try {
        mkdirSync(folder, 0o700)
      } catch (error) {
        if (error.code !== 'EEXIST') return
      }
    accessSync(`${caches}/tare`, constants.W_OK)
    enableCompileCache(`${caches}/tare`)
  } catch {}
}

/**
 * Keeps V8 from growing the space for new objects, which saves 40 to 100 MB in a large context and costs no time. Most calls
 * end before it is worth loading the module.
 */
function spareMemory() {
  setTimeout(() => require('node:v8').setFlagsFromString('--semi-space-growth-factor=1'), 100).unref()
}
