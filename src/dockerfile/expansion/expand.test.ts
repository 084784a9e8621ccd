import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../../test/kit/scale.ts'
import { TareError } from '../../support/index.ts'
import { expand, expandHeredoc, expandWords } from '../index.ts'

const variables = new Map([
  ['A', 'apple'],
  ['EMPTY', ''],
  ['PATHS', '/usr/lib/lib.so.1'],
  ['TWO', 'one two'],
  ['STARS', 'a***yy*'],
  ['ODD', '()[]{}^$.*?|\\x'],
  ['NEEDLE', '\\*/'],
  ['한', 'han'],
])

test.each([
  // plain
  ['$A', 'apple'],
  ['${A}', 'apple'],
  ['$A$A', 'appleapple'],
  ['x${A}y', 'xappley'],
  ['$NONE', ''],
  ['$A.b', 'apple.b'],
  ['$한', 'han'],
  ['$', '$'],
  ['a$', 'a$'],
  ['$ x', '$ x'],
  ['$.', '$.'],
  ['$1a', 'a'],
  ['$12', ''],
  ['$$', ''],
  ['$@$*$#$?$-$!$0', ''],
  // quotes and escapes
  ["'$A'", '$A'],
  ['"$A"', 'apple'],
  ["a'b'c", 'abc'],
  ["'a\"b'", 'a"b'],
  ['"a\'b"', "a'b"],
  ['a\\tb', 'atb'],
  ['"a\\tb"', 'a\\tb'],
  ['"a\\"b"', 'a"b'],
  ['"\\$A"', '$A'],
  ['"\\\\"', '\\'],
  ['\\$A', '$A'],
  ['\\\\$A', '\\apple'],
  ["\\'", "'"],
  ["'\\'", '\\'],
  ['a\\', 'a'],
  ['"a b"  c', 'a b  c'],
  ["''", ''],
  // forms
  ['${NONE:-w}', 'w'],
  ['${NONE-w}', 'w'],
  ['${EMPTY:-w}', 'w'],
  ['${EMPTY-w}', ''],
  ['${A:-w}', 'apple'],
  ['${NONE:-$A}', 'apple'],
  ['${NONE:-${MORE:-${A}}}', 'apple'],
  ['${NONE:-"a b}"}', 'a b}'],
  ['${NONE:-\\}}', '}'],
  ['${A:+w}', 'w'],
  ['${A+w}', 'w'],
  ['${EMPTY:+w}', ''],
  ['${EMPTY+w}', 'w'],
  ['${NONE+w}', ''],
  ['${A:?no}', 'apple'],
  ['${EMPTY?no}', ''],
  // patterns
  ['${A#a}', 'pple'],
  ['${A#?p}', 'ple'],
  ['${A#x}', 'apple'],
  ['${A%le}', 'app'],
  ['${PATHS#*/}', 'usr/lib/lib.so.1'],
  ['${PATHS##*/}', 'lib.so.1'],
  ['${PATHS%.*}', '/usr/lib/lib.so'],
  ['${PATHS%%.*}', '/usr/lib/lib'],
  ['${PATHS%/*}', '/usr/lib'],
  ['${A#}', 'apple'],
  ['${A##}', 'apple'],
  ['${A#*}', 'apple'],
  ['${A##*}', ''],
  ['${A%%*}', ''],
  ['${STARS%%\\**\\*}', 'a'],
  ['${STARS#a\\*}', '**yy*'],
  ['${ODD#()[]{\\}^$.\\*\\?|\\\\}', 'x'],
  ['${NONE#x}', ''],
  ['${A/p/P}', 'aPple'],
  ['${A//p/P}', 'aPPle'],
  ['${A/p*/}', 'a'],
  ['${A/?p/_}', '_ple'],
  ['${A//x/y}', 'apple'],
  ['${PATHS//\\//:}', ':usr:lib:lib.so.1'],
  ['${PATHS//\\//\\/}', '\\/usr\\/lib\\/lib.so.1'],
  ['${A//p/[$A]}', 'a[apple][apple]le'],
  ['${A//p/\\$0\\$0}', 'a\\p\\p\\p\\ple'],
  ["${A//p/'$0-$$-$x'}", 'ap-$-p-$-le'],
  ["${A/p/'$0'}", 'a$0ple'],
  ['${A///-}', '-a-p-p-l-e-'],
  ['${A//*/-}', '-'],
  ['${A/$EMPTY/-}', '-apple'],
])('%s becomes %j', (word, value) => {
  expect(expand(word, variables).text).toBe(value)
})

test.each([
  ['${}', 'syntax error: bad substitution'],
  ['${:x}', 'syntax error: bad substitution'],
  ['${{A}}', 'syntax error: bad substitution'],
  ['${', "syntax error: missing '}'"],
  ['${A', "syntax error: missing '}'"],
  ['${A:', "syntax error: missing '}'"],
  ['${A:-', "syntax error: missing '}'"],
  ['${A:-"x}', "syntax error: missing '}'"],
  ['${A/b}', "syntax error: missing '/' in ${}"],
  ['${A=x}', 'unsupported modifier (=) in substitution'],
  ['${A:=x}', 'unsupported modifier (:=) in substitution'],
  ['${A:#x}', 'unsupported modifier (:#) in substitution'],
  ['${A^}', 'unsupported modifier (^) in substitution'],
  ['${A#\\x}', "invalid pattern (\\x) in substitution: invalid escape '\\x'"],
  ['${NONE:?}', 'NONE: is not allowed to be unset'],
  ['${NONE?}', 'NONE: is not allowed to be unset'],
  ['${EMPTY:?}', 'EMPTY: is not allowed to be empty'],
  ['${NONE:?give $A}', 'NONE: give apple'],
  ['"', 'unexpected end of statement while looking for matching double-quote'],
  ["a'b", 'unexpected end of statement while looking for matching single-quote'],
  ['"a', 'unexpected end of statement while looking for matching double-quote'],
])('%s is refused: %s', (word, message) => {
  expect(() => expand(word, variables)).toThrow(
    expect.objectContaining({
      code: 'DOCKERFILE_EXPANSION',
      message: `failed to process ${JSON.stringify(word)}: ${message}`,
    }),
  )
})

test('with # escape=` the backslash is a character like any other', () => {
  expect(expand('C:\\dir\\$A', variables, { escape: '`' }).text).toBe('C:\\dir\\apple')
  expect(expand('`$A "`$A" a`b "a`b"', variables, { escape: '`' }).text).toBe('$A $A ab a`b')
})

test.each([
  ['$TWO', ['one', 'two']],
  ['"$TWO"', ['one two']],
  ['80 443', ['80', '443']],
  ['  a   b  ', ['a', 'b']],
  ['a\\ b', ['a b']],
  ['x$TWO', ['xone', 'two']],
  ['8${NONE:-0}80', ['8080']],
  ['${TWO}x "y z"', ['one', 'twox', 'y z']],
  ["'' a", ['a']],
  ['$EMPTY', []],
  ['a << B c', ['a', '<< B', 'c']],
  ['a <B', ['a', '<B']],
])('%s makes the words %j', (word, words) => {
  expect(expandWords(word, variables)).toEqual(words)
})

test('names that are used, unset, and unset with a form that foresees it are told apart', () => {
  const { used, unset, defaulted } = expand('$A ${EMPTY} $B ${C} ${D:-1} ${E-2} ${F+3} ${G#x} ${H/x/y} $B', variables)
  expect(used).toEqual(['A', 'EMPTY'])
  expect(unset).toEqual(['B', 'C', 'G', 'H'])
  expect(defaulted).toEqual(['D', 'E', 'F'])
})

test('what a variable holds is never expanded again', () => {
  expect(expand('$X', new Map([['X', '$Y \\ "']])).text).toBe('$Y \\ "')
})

const heredoc = { name: 'EOF', raw: '', expand: true, stripTabs: false, descriptor: 0 }

test('in the body of a heredoc quotes are characters and a backslash escapes anything', () => {
  const body = 'it\'s "$A" \\$A \\\\ \\n ${NONE:-"w"}\n'
  expect(expandHeredoc({ ...heredoc, body }, variables).text).toBe('it\'s "apple" $A \\ n "w"\n')
  expect(expandHeredoc({ ...heredoc, expand: false, body }, variables).text).toBe(body)
})

test('for a title quotes stay and unset variables stay as they are written', () => {
  const options = { quotes: 'keep', keepUnset: true } as const
  expect(expand(`RUN "$A" '$A' $B \${B} \${B:-"x"} \${B#y}`, variables, options).text).toBe(
    `RUN "apple" '$A' $B \${B} \${B:-"x"} \${B#y}`,
  )
})

test('any word expands or is refused', () => {
  const pieces = fc.constantFrom(
    '$',
    '{',
    '}',
    ':',
    '-',
    '+',
    '?',
    '#',
    '%',
    '/',
    '*',
    '"',
    "'",
    '\\',
    '`',
    '<',
    'A',
    ' ',
    'ü',
    '😀',
    '\n',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), fc.constantFrom('remove', 'keep', 'ignore'), (parts, quotes) => {
      try {
        expand(parts.join(''), variables, { quotes, keepUnset: parts.length % 2 === 0 })
      } catch (error) {
        expect(error).toBeInstanceOf(TareError)
      }
    }),
    { numRuns: runs(3000) },
  )
})

test('a word without $, quotes, escapes comes back as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const plain = text.replace(/[$"'\\]/g, '')
      expect(expand(plain, variables).text).toBe(plain)
    }),
  )
})

test('nesting without end and patterns that invite backtracking do not stop a build', () => {
  expect(() => expand('${a:-'.repeat(100_000), variables)).toThrow(/nested too deep/)
  const long = new Map([['X', 'a'.repeat(3000)]])
  expect(expand(`\${X##${'*a'.repeat(20)}b}`, long).text).toHaveLength(3000)
  expect(expand(`\${X//${'*a'.repeat(20)}b/}`, long).text).toHaveLength(3000)
})
