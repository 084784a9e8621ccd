#!/usr/bin/env node
// Any Node can parse this file: one that is too old gets a message before anything newer is loaded.
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`tare needs Node.js 20.19 or newer, and this is ${process.version}.`)
  process.exitCode = 1
} else {
  spareMemory()
  // Until main reports a result, the exit code is a failure.
  process.exitCode = 1
  load(require('node:path').join(__dirname, '../dist/cli/main.cjs'))
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

/** Loads the command line, from compiled code if there is a folder for it. */
function load(main) {
  const folder = folderOfCompiled()
  if (folder === undefined) return require(main)
  const { enableCompileCache } = require('node:module')
  if (enableCompileCache === undefined) return require('./load-compiled.js').loadCompiled(main, folder)
  enableCompileCache(folder)
  return require(main)
}

/**
 * Returns the folder for compiled code, which nobody else can write to; undefined if there is none. It is created here, because
 * Node never returns from creating one below /proc.
 */
function folderOfCompiled() {
  const { HOME, LOCALAPPDATA, NODE_DISABLE_COMPILE_CACHE, XDG_CACHE_HOME } = process.env
  const caches = XDG_CACHE_HOME || LOCALAPPDATA || (HOME && `${HOME}/.cache`)
  if (!caches || NODE_DISABLE_COMPILE_CACHE) return undefined
  const { accessSync, constants, mkdirSync, statSync } = require('node:fs')
  const folder = `${caches}/tare`
  try {
    for (const path of [caches, folder])
      try {
        mkdirSync(path, 0o700)
      } catch (error) {
        if (error.code !== 'EEXIST') return undefined
      }
    accessSync(folder, constants.W_OK)
    const { mode, uid } = statSync(folder)
    const isOurs = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0)
    return isOurs ? folder : undefined
  } catch {
    return undefined
  }
}

/**
 * Keeps V8 from growing the space for new objects, which saves 40 to 100 MB in a large context and costs no time. Most calls
 * end before it is worth loading the module. At the end it is as it was: code compiled under other flags is of no use.
 */
function spareMemory() {
  setTimeout(() => {
    const { setFlagsFromString } = require('node:v8')
    setFlagsFromString('--semi-space-growth-factor=1')
    process.prependOnceListener('exit', () => setFlagsFromString('--semi-space-growth-factor=2'))
  }, 100).unref()
}
