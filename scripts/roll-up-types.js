// Collects the library's types in one file: what the entry exports, without the rooms behind it. Whatever a public signature
// refers to must be exported as well, or the build fails.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Returns the text of one .d.ts file for `entry`, a .d.ts file written by tsc. */
export function rollUpTypes(entry) {
  const modules = new Map()
  const module = (path) => {
    let found = modules.get(path)
    if (found === undefined) {
      found = readModule(path)
      modules.set(path, found)
    }
    return found
  }

  /** Returns all names a module exports, with their declarations. */
  function exportsOf(path) {
    const { exported, from, all } = module(path)
    const found = new Map()
    for (const name of exported) found.set(name, declarationOf(path, name))
    for (const [name, { target, original }] of from)
      if (!found.has(name)) found.set(name, declarationOf(target, original))
    for (const target of all)
      for (const [name, declaration] of exportsOf(target)) if (!found.has(name)) found.set(name, declaration)
    return found
  }

  /** Returns where a name used in a module is declared. */
  function declarationOf(path, name) {
    const { declared, imported, from, all } = module(path)
    if (declared.has(name)) return { path, name, ...declared.get(name) }
    const next = imported.get(name) ?? from.get(name)
    if (next !== undefined) return declarationOf(next.target, next.original)
    for (const target of all) {
      const found = exportsOf(target).get(name)
      if (found !== undefined) return found
    }
    throw new Error(`${path} has no declaration of ${name}`)
  }

  const published = exportsOf(entry)
  const missing = []
  for (const [name, declaration] of published) {
    if (declaration.name !== name) throw new Error(`${name} is exported under another name than it has`)
    const { declared, imported } = module(declaration.path)
    for (const word of wordsOf(declaration.text)) {
      if (!declared.has(word) && !imported.has(word)) continue
      const used = declarationOf(declaration.path, word)
      const known = published.get(word)
      if (known?.path !== used.path || known.name !== used.name) missing.push(`${word}, which ${name} names`)
    }
  }
  if (missing.length > 0) throw new Error(`the library does not export ${[...new Set(missing)].join('; ')}`)
  const parts = [...published.values()].map(({ doc, text }) => `${doc}${text}`)
  return `/// <reference types="node" />\n${module(entry).door}${parts.join('')}`
}

function readModule(path) {
  const found = { declared: new Map(), exported: new Set(), imported: new Map(), from: new Map(), all: [], door: '' }
  let doc = ''
  for (const text of statementsOf(readFileSync(path, 'utf8'))) {
    const match = /^(?:import|export)\b[^'"]*\bfrom\s*['"]([^'"]+)['"];?\s*$/.exec(text)
    if (text.startsWith('/**')) {
      if (doc !== '') found.door = doc
      doc = text
      continue
    }
    if (match !== null) {
      if (found.door === '' && found.declared.size === 0) found.door = doc
      const target = match[1].startsWith('.')
        ? join(dirname(path), match[1].replace(/\.(?:ts|js)$/, '.d.ts'))
        : undefined
      readNames(found, text, target)
    } else if (!/^(?:\/\/|export \{\s*\})/.test(text)) {
      const name = /^(?:export )?(?:declare )?(?:abstract )?(?:class|const|function|interface|type|enum) (\w+)/.exec(
        text,
      )?.[1]
      if (name === undefined) throw new Error(`${path}: cannot tell what this declares: ${text}`)
      // Overloads of the same function.
      const before = found.declared.get(name)
      found.declared.set(name, { doc: before?.doc ?? doc, text: (before?.text ?? '') + text })
      if (text.startsWith('export ')) found.exported.add(name)
    }
    doc = ''
  }
  return found
}

function readNames({ imported, from, all }, text, target) {
  const names = /\{([^}]*)\}/.exec(text)?.[1]
  if (target === undefined) throw new Error(`the types of the library import a package: ${text}`)
  if (names === undefined) {
    all.push(target)
    return
  }
  for (const part of names.split(',').map((name) => name.trim().replace(/^type /, ''))) {
    if (part === '') continue
    const [original, name = original] = part.split(' as ')
    ;(text.startsWith('import') ? imported : from).set(name, { target, original })
  }
}

/** Splits into comments and declarations: a declaration ends with `;` or a block once its brackets are closed. */
function statementsOf(text) {
  const statements = []
  let open = ''
  for (const line of text.split('\n')) {
    if (open === '' && line === '') continue
    open += `${line}\n`
    const ends = open.startsWith('/*') ? line.endsWith('*/') : isWhole(open)
    if (!ends) continue
    statements.push(open)
    open = ''
  }
  if (open.trim() !== '') throw new Error(`this has no end: ${open}`)
  return statements
}

function isWhole(text) {
  const code = codeOf(text).trim()
  const depth = (code.match(/[{(]/g)?.length ?? 0) - (code.match(/[})]/g)?.length ?? 0)
  const isBlock = /^(?:export )?(?:declare )?(?:abstract )?(?:class|enum|interface) /.test(code)
  return code === '' || (depth === 0 && code.endsWith(isBlock ? '}' : ';'))
}

/** Returns the identifiers in a declaration. */
function wordsOf(text) {
  return new Set(codeOf(text).match(/[A-Za-z_$][\w$]*/g))
}

/** Returns a declaration without comments and strings. */
function codeOf(text) {
  return text.replace(/\/\*[\s\S]*?\*\/|'[^']*'|"[^"]*"|`[^`]*`|\/\/.*$/gm, (part) =>
    part.startsWith('`') ? part : '',
  )
}
