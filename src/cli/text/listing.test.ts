import { expect, test } from 'vitest'
import { formatListing } from './listing.ts'

const rows = [
  { ID: 'aaaaaaaaaaaa', Repository: 'reg.example.com:5000/team/app', Tag: 'v1', Size: '7.69MB' },
  { ID: 'bbbbbbbbbbbb', Repository: '<none>', Tag: '<none>', Size: '0B' },
]

function list(format: string | undefined, some = rows): string {
  return formatListing(some, {
    format,
    table: '{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Size}}',
    headings: { ID: 'IMAGE ID', Repository: 'REPOSITORY', Tag: 'TAG', Size: 'SIZE' },
    type: '*formatter.imageContext',
  })
}

test('a table has docker’s columns: ten wide at least, three blanks between, none at the end', () => {
  const expected = `REPOSITORY                      TAG       IMAGE ID       SIZE
reg.example.com:5000/team/app   v1        aaaaaaaaaaaa   7.69MB
<none>                          <none>    bbbbbbbbbbbb   0B
`
  expect(list(undefined)).toBe(expected)
  expect(list('table')).toBe(expected)
})

test('a table of nothing is its header', () => {
  expect(list(undefined, [])).toBe('REPOSITORY   TAG       IMAGE ID   SIZE\n')
})

test('a template of a table makes its own header', () => {
  expect(list('table {{.ID}} {{upper .Tag}}\\t{{.Repository | upper}}')).toBe(`IMAGE ID TAG          REPOSITORY
aaaaaaaaaaaa V1       REG.EXAMPLE.COM:5000/TEAM/APP
bbbbbbbbbbbb <NONE>   <NONE>
`)
  expect(list('table {{json .ID}}')).toBe('IMAGE ID\n"aaaaaaaaaaaa"\n"bbbbbbbbbbbb"\n')
})

test('a template is filled once for each row, and \\t and \\n in it are what they say', () => {
  expect(list('{{.ID}}\\t{{.Tag}}')).toBe('aaaaaaaaaaaa\tv1\nbbbbbbbbbbbb\t<none>\n')
  expect(list('{{.ID}}\\n', rows.slice(0, 1))).toBe('aaaaaaaaaaaa\n\n')
})

test('JSON is one line for each row, escaped as Go does it', () => {
  const line = '{"ID":"bbbbbbbbbbbb","Repository":"\\u003cnone\\u003e","Tag":"\\u003cnone\\u003e","Size":"0B"}\n'
  expect(list('json', rows.slice(1))).toBe(line)
  expect(list('{{json .}}', rows.slice(1))).toBe(line)
  expect(list('{{json .Tag}}', rows.slice(1))).toBe('"<none>"\n')
})

test('a field that a row does not have is told before anything is printed', () => {
  expect(() => list('table {{.Repository}}\\t{{.Foo}}')).toThrow(
    'template parsing error: template: :1:18: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.imageContext',
  )
})

test('a cell cannot break its table or steer the terminal; a template gets it as it is', () => {
  const odd = [{ ...rows[1]!, Tag: 'a\n\x1b[2J' }]
  expect(list('table {{.Tag}}', odd)).toBe('TAG\na\\x0a\\x1b[2J\n')
  expect(list('{{.Tag}}', odd)).toBe('a\n\x1b[2J\n')
})
