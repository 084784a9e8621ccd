// Node 20 does not cache compiled modules. For the command line, this does: compiling takes 30 ms, half of a short call.
const { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } = require('node:fs')
const { createRequire, wrap } = require('node:module')
const { basename, dirname, join, resolve } = require('node:path')
const { constants, Script } = require('node:vm')

const suffix = '.compiled'
const monthInMs = 30 * 24 * 3600 * 1000

/**
 * Loads a file of the command line and, when it requires them, those beside it. `folder`: where compiled code is kept at the end
 * of the process, by the hash of all files, which is in `id`. Returns the exports.
 */
exports.loadCompiled = (main, folder) => {
  const prefix = `${readFileSync(join(dirname(main), 'id'), 'utf8')}-${process.version}-${process.arch}`
  const modules = new Map()
  const compiled = []
  const load = (path) => {
    const known = modules.get(path)
    if (known !== undefined) return known.exports
    const module = { exports: {} }
    modules.set(path, module)
    const place = join(folder, `${prefix}-${basename(path)}${suffix}`)
    const cachedData = readChecked(place)
    const script = new Script(wrap(readFileSync(path, 'utf8')), {
      filename: path,
      cachedData,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    })
    if (cachedData === undefined || script.cachedDataRejected) compiled.push({ place, script })
    const outside = createRequire(path)
    const require = (name) => (name.startsWith('.') ? load(resolve(dirname(path), name)) : outside(name))
    script.runInThisContext().call(module.exports, module.exports, require, module, path, dirname(path))
    return module.exports
  }
  process.once('exit', () => keep(compiled, folder))
  return load(main)
}

function keep(compiled, folder) {
  if (compiled.length === 0) return
  try {
    for (const { place, script } of compiled) writeChecked(place, script.createCachedData())
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      if (name.includes(suffix) && Date.now() - statSync(path).mtimeMs > monthInMs) rmSync(path, { force: true })
    }
  } catch {
    // It is compiled again next time.
  }
}

/** Returns compiled code, if the sum before it is right: V8 would execute what a disk has damaged or cut off. */
function readChecked(place) {
  let bytes
  try {
    bytes = readFileSync(place)
  } catch {
    return undefined
  }
  const sum = bytes.subarray(0, 8)
  const code = bytes.subarray(8)
  return sum.length === 8 && sum.equals(sumOf(code)) ? code : undefined
}

function writeChecked(place, code) {
  const made = `${place}.${process.pid}`
  writeFileSync(made, Buffer.concat([sumOf(code), code]), { mode: 0o600 })
  renameSync(made, place)
}

/** Returns eight bytes. V8's code is a multiple of four bytes. */
function sumOf(code) {
  const words = new Int32Array(code.buffer, code.byteOffset, code.length >> 2)
  let a = code.length
  let b = 0
  for (let i = 0; i < words.length; i++) {
    a = (a + words[i]) | 0
    b = (b + a) | 0
  }
  return Buffer.from(Int32Array.of(a, b).buffer)
}
