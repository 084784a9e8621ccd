import { expect, test } from 'vitest'
import { type Instruction, parseDockerfile, parseTrigger, type Run, scriptOf } from '../index.ts'

function read(lines: string): Instruction {
  const [instruction, ...more] = parseDockerfile(`FROM scratch\n${lines}`, 'Dockerfile').stages[0]!.instructions
  expect(more).toEqual([])
  return instruction!
}

const plain = { expand: true, stripTabs: false, descriptor: 0 }

test('a heredoc that is the whole RUN is its script', () => {
  const run = read('RUN <<EOF\necho "hello $NAME" > /h1\n# kept\n\nset\nEOF\n') as Run
  expect(run.command).toEqual({ form: 'shell', words: ['<<EOF'] })
  expect(scriptOf(run)).toEqual({ kind: 'text', text: 'echo "hello $NAME" > /h1\n# kept\n\nset\n' })
  expect(run.source).toBe('RUN <<EOF\necho "hello $NAME" > /h1\n# kept\n\nset\nEOF')
  expect(run.where).toMatchObject({ line: 2, endLine: 7 })
})

test('one that begins with #! is a program', () => {
  expect(scriptOf(read('RUN <<-EOF\n\t#!/bin/sh\n\techo\n\tEOF\n') as Run)).toEqual({
    kind: 'program',
    name: 'EOF',
    body: '#!/bin/sh\necho\n',
  })
})

test('with words around them heredocs are put together again for the shell, tabs and all', () => {
  expect(scriptOf(read("RUN <<'EOF' sh -e\necho '$NAME'\nEOF\n") as Run)).toEqual({
    kind: 'text',
    text: "<<'EOF' sh -e\necho '$NAME'\nEOF",
  })
  expect(scriptOf(read('RUN cat <<-A > /a && cat 3<<B >> /a\n\tone\n\tA\ntwo\nB\n') as Run)).toEqual({
    kind: 'text',
    text: 'cat <<-A > /a && cat 3<<B >> /a\n\tone\nA\ntwo\nB',
  })
})

test('a RUN without heredocs is the text it has', () => {
  expect(scriptOf(read('RUN a && b\n') as Run)).toEqual({ kind: 'text', text: 'a && b' })
})

test.each([
  ['<<EOF', 'EOF', plain],
  ['<<-EOF', 'EOF', { ...plain, stripTabs: true }],
  ['<<"EOF"', 'EOF', { ...plain, expand: false }],
  ["<<'E F'", 'E F', { ...plain, expand: false }],
  ['<<E"O"F', 'EOF', { ...plain, expand: false }],
  ['<<$EOF', '$EOF', plain],
  ['3<<EOF', 'EOF', { ...plain, descriptor: 3 }],
  ['<< EOF', 'EOF', plain],
  ['<<a.txt', 'a.txt', plain],
])('%s announces %s', (mark, name, rest) => {
  const run = read(`RUN x ${mark} y\nbody\n${name}\n`) as Run
  expect(run.heredocs).toEqual([{ name, body: 'body\n', raw: 'body\n', ...rest }])
})

test.each(['cat<<EOF', '<<<EOF', '"<<EOF"', '<<', '$((1<<2))', "it's <<EOF"])('RUN %s has no heredoc', (text) => {
  expect(read(`RUN ${text}\n`)).toMatchObject({ heredocs: [] })
})

test('a JSON form has none', () => {
  expect(read('RUN ["a", "<<EOF"]\n')).toMatchObject({ heredocs: [], command: { words: ['a', '<<EOF'] } })
  expect(read('COPY ["<<EOF", "/a"]\n')).toMatchObject({ heredocs: [], sources: ['<<EOF'] })
  expect(read('CMD cat <<EOF\n')).toMatchObject({ command: { words: ['cat <<EOF'] } })
})

test('COPY takes files and heredocs, each in its order', () => {
  const copy = read('COPY --chmod=755 <<one a <<-"two" b /multi/\n$1\none\n\t2\n\t\t3\n\ttwo\n')
  expect(copy).toMatchObject({
    sources: ['a', 'b'],
    to: '/multi/',
    heredocs: [
      { name: 'one', body: '$1\n', expand: true },
      { name: 'two', body: '2\n3\n', raw: '\t2\n\t\t3\n', expand: false },
    ],
  })
})

test('blanks may stand between << and the name', () => {
  expect(read('COPY a << EOF <<B /x/\none\nEOF\ntwo\nB\n')).toMatchObject({
    sources: ['a'],
    to: '/x/',
    heredocs: [
      { name: 'EOF', body: 'one\n' },
      { name: 'B', body: 'two\n' },
    ],
  })
})

test('bodies keep their line ends', () => {
  expect(read('COPY <<EOF /a\r\none\r\nEOF\r\n')).toMatchObject({ heredocs: [{ body: 'one\r\n' }] })
})

test('a heredoc follows continued lines, and may be empty', () => {
  const run = read('RUN a \\\n <<A b\nA\n') as Run
  expect(run.heredocs).toMatchObject([{ body: '' }])
  expect(scriptOf(run)).toEqual({ kind: 'text', text: 'a  <<A b\nA' })
})

test('ONBUILD keeps the heredocs of its trigger, and they come out of it again', () => {
  const onbuild = read("ONBUILD COPY <<'EOF' /a\n$X\nEOF\n")
  expect(onbuild).toMatchObject({ kind: 'ONBUILD', trigger: "COPY <<'EOF' /a\n$X\nEOF" })
  const where = { file: 'Dockerfile', line: 7, endLine: 7, text: '' }
  expect(parseTrigger("COPY <<'EOF' /a\n$X\nEOF", where)).toEqual({
    kind: 'COPY',
    sources: [],
    heredocs: [{ name: 'EOF', body: '$X\n', raw: '$X\n', expand: false, stripTabs: false, descriptor: 0 }],
    to: '/a',
    link: false,
    exclude: [],
    json: false,
    parents: false,
    where,
    source: "COPY <<'EOF' /a\n$X\nEOF",
  })
})

test.each([
  ['RUN a\nRUN b', 'onbuild trigger should be a single expression'],
  ['# a', 'onbuild trigger should be a single expression'],
  ['', 'onbuild trigger should be a single expression'],
  ['FROM x', "FROM isn't allowed as an ONBUILD trigger"],
  ['COPPY a b', 'unknown instruction: COPPY (did you mean COPY?)'],
  ['RUN <<EOF', 'unterminated heredoc'],
  ['ENV a', 'ENV must have two arguments'],
])('the trigger %j is refused at the FROM that brings it', (trigger, message) => {
  const where = { file: 'Dockerfile', line: 3, endLine: 3, text: 'x' }
  expect(() => parseTrigger(trigger, where)).toThrow(expect.objectContaining({ message, where }))
})

test.each(['../../etc/passwd', 'a/b', '/a', '..', '.'])(
  'a program called %s would lie elsewhere, and is refused',
  (name) => {
    const run = read(`RUN <<"${name}"\n#!/bin/sh\n${name}\n`) as Run
    expect(() => scriptOf(run)).toThrow(expect.objectContaining({ code: 'DOCKERFILE_HEREDOC' }))
    expect(scriptOf(read(`RUN <<"${name}"\necho\n${name}\n`) as Run)).toEqual({ kind: 'text', text: 'echo\n' })
  },
)
