// Reads the part of proto3 that src/buildkit/proto uses, and refuses the rest.

const scalars = { double: 1, float: 2, int64: 3, uint64: 4, int32: 5, bool: 8, string: 9, bytes: 12, uint32: 13 }
export const kinds = { message: 11, enum: 14 }

/** Parses a file: its package, imports, messages, enums and services, each with the comment above it. */
export function parseProto(name, text) {
  const tokens = new Tokens(name, text)
  const file = { name, comment: tokens.comment(), package: '', imports: [], messages: [], enums: [], services: [] }
  while (!tokens.atEnd()) {
    const comment = tokens.comment()
    const word = tokens.take()
    if (word === 'syntax') tokens.expect('=', '"proto3"', ';')
    else if (word === 'package') file.package = tokens.statement()
    else if (word === 'import') file.imports.push(JSON.parse(tokens.statement()))
    else if (word === 'message') file.messages.push(readMessage(tokens, comment))
    else if (word === 'enum') file.enums.push(readEnum(tokens, comment))
    else if (word === 'service') file.services.push(readService(tokens, comment))
    else throw tokens.error(word)
  }
  return file
}

function readMessage(tokens, comment) {
  const message = { name: tokens.name(), comment, fields: [], oneofs: [], messages: [], enums: [] }
  tokens.expect('{')
  for (;;) {
    const above = tokens.comment()
    const word = tokens.take()
    if (word === '}') return message
    if (word === 'message') message.messages.push(readMessage(tokens, above))
    else if (word === 'enum') message.enums.push(readEnum(tokens, above))
    else if (word === 'oneof') readOneof(tokens, above, message)
    else message.fields.push(readField(tokens, above, word, message))
  }
}

function readOneof(tokens, comment, message) {
  const oneof = message.oneofs.push({ name: tokens.name(), comment }) - 1
  tokens.expect('{')
  for (;;) {
    const above = tokens.comment()
    const word = tokens.take()
    if (word === '}') return
    message.fields.push({ ...readField(tokens, above, word, message), oneof })
  }
}

function readField(tokens, comment, word, message) {
  if (['optional', 'required', 'reserved', 'option', 'extensions', 'group'].includes(word)) throw tokens.error(word)
  let map
  if (word === 'map') {
    tokens.expect('<')
    const key = tokens.take()
    tokens.expect(',')
    map = { key, value: tokens.take() }
    tokens.expect('>')
  }
  const repeated = word === 'repeated'
  const type = repeated ? tokens.take() : word
  const name = tokens.name()
  tokens.expect('=')
  const number = Number(tokens.take())
  tokens.expect(';')
  if (map === undefined) return { name, comment, number, repeated, type }
  const entry = `${name.replace(/(?:^|_)([a-z])/g, (_, letter) => letter.toUpperCase())}Entry`
  message.messages.push({
    ...{ name: entry, isMap: true, oneofs: [], messages: [], enums: [] },
    fields: [
      { name: 'key', number: 1, type: map.key },
      { name: 'value', number: 2, type: map.value },
    ],
  })
  return { name, comment, number, repeated: true, type: entry, map }
}

function readEnum(tokens, comment) {
  const made = { name: tokens.name(), comment, values: [] }
  tokens.expect('{')
  for (;;) {
    const above = tokens.comment()
    const name = tokens.take()
    if (name === '}') return made
    tokens.expect('=')
    made.values.push({ name, comment: above, number: Number(tokens.take()) })
    tokens.expect(';')
  }
}

function readService(tokens, comment) {
  const service = { name: tokens.name(), comment, methods: [] }
  tokens.expect('{')
  const message = () => {
    tokens.expect('(')
    const word = tokens.take()
    const streaming = word === 'stream'
    const type = streaming ? tokens.take() : word
    tokens.expect(')')
    return { type, streaming }
  }
  for (;;) {
    const above = tokens.comment()
    const word = tokens.take()
    if (word === '}') return service
    if (word !== 'rpc') throw tokens.error(word)
    const name = tokens.name()
    const input = message()
    tokens.expect('returns')
    service.methods.push({ name, comment: above, input, output: message() })
    tokens.expect(';')
  }
}

/** Returns the number of a scalar type in a descriptor; undefined for names of messages and enums. */
export function scalarNumber(type) {
  return Object.hasOwn(scalars, type) ? scalars[type] : undefined
}

class Tokens {
  constructor(file, text) {
    this.file = file
    this.list = [...text.matchAll(/\/\/[^\n]*|"[^"\n]*"|[\w.]+|-\d+|[^\s]/g)].map((match) => match[0])
    this.next = 0
  }

  atEnd() {
    return this.next >= this.list.length
  }

  take() {
    if (this.atEnd()) throw this.error('the end')
    return this.list[this.next++]
  }

  /** The lines of the comment that comes next. */
  comment() {
    const lines = []
    while (this.list[this.next]?.startsWith('//')) lines.push(this.take().slice(2))
    return lines
  }

  name() {
    const word = this.take()
    if (!/^[A-Za-z_]\w*$/.test(word)) throw this.error(word)
    return word
  }

  expect(...words) {
    for (const word of words) {
      const found = this.take()
      if (found !== word) throw this.error(found, word)
    }
  }

  statement() {
    const word = this.take()
    this.expect(';')
    return word
  }

  error(found, wanted) {
    const instead = wanted === undefined ? '' : ` instead of ${wanted}`
    return new Error(`${this.file}: ${found}${instead} is not read by scripts/proto (token ${this.next})`)
  }
}
