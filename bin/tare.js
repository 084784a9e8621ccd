#!/usr/bin/env node
// Any Node can parse this file: one that is too old gets a message before anything newer is loaded.
const [major, minor] = process.versions.node.split('.').map(Number)

/** Calls what compiles, or keeps what was compiled, with V8's flags as they are at the start: V8 takes no code of other flags. */
let withUsualFlags = (compile) => compile()

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`tare needs Node.js 20.19 or newer, and this is ${process.version}.`)
  process.exitCode = 1
} else {
  spareMemory()
  // Until main reports a result, the exit code is a failure.
  process.exitCode = 1
  load('main.cjs')
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
 * Keeps V8 from growing the space for new objects, and from waiting until as much is garbage as is in use, which together saves
 * 80 to 140 MB in a large context. Most calls end before it is worth loading the module.
 */
function spareMemory() {
  setTimeout(() => {
    const { setFlagsFromString } = require('node:v8')
    const set = (growth, percent) => {
      setFlagsFromString(`--semi-space-growth-factor=${growth}`)
      setFlagsFromString(`--heap-growing-percent=${percent}`)
    }
    const spare = () => set(1, 50)
    spare()
    withUsualFlags = (compile) => {
      set(2, 0)
      try {
        return compile()
      } finally {
        spare()
      }
    }
  }, 100).unref()
}

/**
 * Loads main.cjs and, when it requires them, the files in parts/, and keeps what they were compiled to for the next call:
 * compiling takes up to 40 ms. Node 20 has no cache of its own for that, and the one of later versions takes 6 to 15 ms longer.
 */
function load(main) {
  const cache = cacheFolder()
  const folder = `${__dirname}/../dist/cli`
  const [head, tail] = require('node:module').wrapper.map((text) => Buffer.from(text))
  const { constants, Script } = require('node:vm')
  // Only what was called is compiled: each of these verbs has its own, which is all that it needs.
  const verb = /^(?:build|images|inspect|save)$/.test(process.argv[2]) ? process.argv[2] : 'other'
  const prefix = cache && `${cache}/${readBundled('id').latin1Slice()}-${process.version}-${process.arch}-${verb}`
  const modules = new Map()
  const compiled = []
  const loadFile = (name) => {
    const known = modules.get(name)
    if (known !== undefined) return known.exports
    const module = { exports: {} }
    modules.set(name, module)
    const place = `${prefix}-${name}.compiled`
    const within = name === main ? '' : 'parts/'
    const filename = `${folder}/${within}${name}`
    const cachedData = cache && readChecked(place)
    // One text, made once: what V8 has to collect before a quick command ends takes longer than what it executes.
    const source = Buffer.concat([head, readBundled(`${within}${name}`), tail]).latin1Slice()
    const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
    const script = withUsualFlags(() => new Script(source, { filename, cachedData, importModuleDynamically }))
    if (cachedData === undefined || script.cachedDataRejected) compiled.push({ place, script })
    script.runInThisContext().call(module.exports, module.exports, requireFrom, module, filename, `${folder}/${within}`)
    return module.exports
  }
  const requireFrom = (name) => (name[0] === '.' ? loadFile(name.slice(name.lastIndexOf('/') + 1)) : require(name))
  if (cache) process.once('exit', () => keep(compiled, cache))
  return loadFile(main)
}

/** Reads a file of the bundle. In the single executable, scripts/sea.js puts something else here. */
function readBundled(name) {
  return require('node:fs').readFileSync(`${__dirname}/../dist/cli/${name}`)
}

/** Returns the folder for compiled code, which nobody else can write to; undefined if there is none. */
function cacheFolder() {
  const { HOME, LOCALAPPDATA, NODE_DISABLE_COMPILE_CACHE, XDG_CACHE_HOME } = process.env
  const caches = XDG_CACHE_HOME || LOCALAPPDATA || (HOME && `${HOME}/.cache`)
  if (!caches || NODE_DISABLE_COMPILE_CACHE) return undefined
  const { accessSync, constants, mkdirSync, statSync } = require('node:fs')
  const folder = `${caches}/tare`
  const stat = () => statSync(folder, { throwIfNoEntry: false })
  try {
    for (const path of stat() === undefined ? [caches, folder] : [])
      try {
        mkdirSync(path, 0o700)
      } catch (error) {
        if (error.code !== 'EEXIST') return undefined
      }
    accessSync(folder, constants.W_OK)
    const { mode, uid } = stat()
    const isOurs = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0)
    return isOurs ? folder : undefined
  } catch {
    return undefined
  }
}

/** Returns compiled code if both copies in the file are the same: V8 would execute what a disk has damaged or cut off. */
function readChecked(place) {
  let bytes
  try {
    bytes = require('node:fs').readFileSync(place)
  } catch {
    return undefined
  }
  // Comparing takes no time; a hash would have to load node:crypto first, which takes longer than all else.
  const half = bytes.length / 2
  const code = bytes.subarray(0, half)
  return half % 1 === 0 && code.equals(bytes.subarray(half)) ? code : undefined
}

/** Keeps compiled code, and removes what was kept a month ago. */
function keep(compiled, cache) {
  if (compiled.length === 0) return
  const { readdirSync, renameSync, rmSync, statSync, writeFileSync } = require('node:fs')
  const monthAgo = Date.now() - 30 * 24 * 3600 * 1000
  try {
    for (const { place, script } of compiled) {
      const code = withUsualFlags(() => script.createCachedData())
      const made = `${place}.${process.pid}`
      writeFileSync(made, Buffer.concat([code, code]), { mode: 0o600 })
      renameSync(made, place)
    }
    for (const name of readdirSync(cache)) {
      const path = `${cache}/${name}`
      if (name.includes('.compiled') && statSync(path).mtimeMs < monthAgo) rmSync(path, { force: true })
    }
  } catch {
    // It is compiled again next time.
  }
}
