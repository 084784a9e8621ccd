import { expect, test } from 'vitest'
import { parseDockerfile, titleOf, writtenName } from './index.ts'

const variables = new Map([['A', 'apple']])

test.each([
  ['COPY $A "b"  $NONE /x', 'COPY apple b   /x'],
  ['copy a b', 'COPY a b'],
  ['RUN echo "$A" \'$A\' $NONE', 'RUN echo "apple" \'$A\' $NONE'],
  ['RUN a \\\n  b', 'RUN a   b'],
  ["RUN echo it's $A", "RUN echo it's $A"],
  ['RUN <<EOF\n\n one $A\ntwo\nEOF', 'RUN <<EOF (one apple...)'],
  ['RUN <<EOF\none\nEOF', 'RUN <<EOF (one)'],
  ['RUN cat <<EOF > x\none\nEOF', 'RUN cat <<EOF > x'],
  ['COPY <<EOF /a\none\nEOF', 'COPY <<EOF /a'],
  ['WORKDIR /$A', 'WORKDIR /apple'],
  ['CMD', 'CMD'],
])('%j is shown as %s', (text, title) => {
  const [instruction] = parseDockerfile(`FROM a\n${text}\n`, 'Dockerfile').stages[0]!.instructions
  expect(titleOf(instruction!, variables)).toBe(title)
})

test('the name of an instruction is given as it was written', () => {
  const { from, instructions } = parseDockerfile('from a\n\tCmd\tx\n', 'Dockerfile').stages[0]!
  expect([from, ...instructions].map(writtenName)).toEqual(['from', 'Cmd'])
})
