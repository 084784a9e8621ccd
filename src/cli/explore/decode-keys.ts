/** A key: a character, or the name of a key such as `up`, `ctrl-a`. */
export type Key = string

const named: Readonly<Record<string, Key>> = {
  ...{ '\x00': 'ctrl-space', '\t': 'tab', '\r': 'enter', '\n': 'enter', '\x1f': 'ctrl-/' },
  ...{ '\x08': 'backspace', '\x7f': 'backspace' },
}
const finals: Readonly<Record<string, Key>> = {
  ...{ A: 'up', B: 'down', C: 'right', D: 'left', H: 'home', F: 'end', Z: 'back-tab' },
}
const numbered: Readonly<Record<string, Key>> = {
  ...{ 1: 'home', 3: 'delete', 4: 'end', 5: 'page-up', 6: 'page-down', 7: 'home', 8: 'end' },
}

// CSI and SS3 (ECMA-48); incomplete ones are kept until the rest arrives.
const sequence = /^\x1b(?:\[([0-9;<=>?]*)[ -/]*([@-~])|O([ -~]))/
const incomplete = /^\x1b(?:\[[0-9;<=>?]*[ -/]*|O)?$/

/** Decodes what a terminal sends. `rest` is the beginning of a key whose end has not arrived; alone, `\x1b` is Escape. */
export function decodeKeys(text: string): { readonly keys: readonly Key[]; readonly rest: string } {
  const keys: Key[] = []
  let at = 0
  while (at < text.length) {
    const left = text.slice(at, at + 64)
    if (left[0] === '\x1b') {
      if (left.length < 64 && incomplete.test(left)) return { keys, rest: left }
      const found = sequence.exec(left)
      if (found === null) {
        keys.push('escape')
        at += 1
        continue
      }
      const [whole, parameters, final, application] = found
      const key = final === '~' ? numbered[parameters!.split(';')[0]!] : finals[final ?? application!]
      if (key !== undefined) keys.push(key)
      at += whole.length
      continue
    }
    const character = String.fromCodePoint(left.codePointAt(0)!)
    keys.push(named[character] ?? (character < ' ' ? controlKey(character) : character))
    at += character.length
  }
  return { keys, rest: '' }
}

function controlKey(character: string): Key {
  return `ctrl-${String.fromCharCode(character.charCodeAt(0) + 0x60)}`
}
