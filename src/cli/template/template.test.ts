import { expect, test } from 'vitest'
import { detailsStruct } from '../verbs/images/inspect-struct.ts'
import { compileTemplate } from './template.ts'

// What is expected here was printed by docker 28 for the same image.
const image = detailsStruct({
  Id: 'sha256:aaaa',
  RepoTags: ['alpine:latest'],
  RepoDigests: [],
  Comment: 'buildkit.dockerfile.v0',
  Created: '2024-05-01T10:20:30.123456789Z',
  Author: '',
  Config: {
    User: 'nobody',
    ExposedPorts: { '80/tcp': {} },
    Env: ['PATH=/bin', 'A=b c'],
    Cmd: ['/bin/sh', '-c', 'echo "<hi> & bye"'],
    WorkingDir: '/w',
    Labels: { b: 'two words', z: '1' },
    Healthcheck: { Test: ['CMD', 'true'], Interval: 30_000_000_000, Retries: 3 },
  },
  Architecture: 'amd64',
  Os: 'linux',
  Size: 7685632,
  RootFS: { Type: 'layers', Layers: ['sha256:1111111111111111', 'sha256:2222'] },
  Metadata: { LastTagTime: '2024-05-01T10:20:30.5Z' },
  Descriptor: { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: 'sha256:aaaa', size: 402 },
})

test.each([
  ['{{.ID}} {{.Id}}', 'sha256:aaaa sha256:aaaa'],
  ['{{.Config.Env}}', '[PATH=/bin A=b c]'],
  ['{{json .Config.Cmd}}', '["/bin/sh","-c","echo \\"<hi> & bye\\""]'],
  ['{{.Config.Labels}}', 'map[b:two words z:1]'],
  ['{{.Config.ExposedPorts}}', 'map[80/tcp:{}]'],
  ['{{.RootFS}}', '{layers [sha256:1111111111111111 sha256:2222]}'],
  ['{{.Config.Entrypoint}} {{json .Config.Entrypoint}} {{len .Config.Entrypoint}}', '[] null 0'],
  ['{{.Config.Volumes}} {{json .Config.Volumes}}', 'map[] null'],
  ['{{.Config.Labels.z}} {{.Config.Labels.nope}}', '1 <no value>'],
  ['{{index .Config.Labels "b"}}|{{index .Config.Labels "nope"}}|', 'two words||'],
  ['{{.Config.Healthcheck}} {{json .Config.Healthcheck.Interval}}', '{[CMD true] 30s 0s 0s 0s 3} 30000000000'],
  [
    '{{.Metadata.LastTagTime}} {{json .Metadata}}',
    '2024-05-01 10:20:30.5 +0000 UTC {"LastTagTime":"2024-05-01T10:20:30.5Z"}',
  ],
  ['{{.Descriptor.MediaType}} {{.Descriptor.size}}', 'application/vnd.oci.image.manifest.v1+json 402'],
  ['{{range $i, $e := .Config.Env}}{{$i}}={{$e}};{{end}}', '0=PATH=/bin;1=A=b c;'],
  ['{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}', 'b=two words;z=1;'],
  ['{{range .Config.OnBuild}}x{{else}}empty{{end}}', 'empty'],
  ['{{range .Config.Env}}{{if eq . "A=b c"}}{{break}}{{end}}{{.}}{{end}}', 'PATH=/bin'],
  ['{{range .Config.Env}}{{if eq . "PATH=/bin"}}{{continue}}{{end}}{{.}}{{end}}', 'A=b c'],
  ['{{range 3}}{{.}}{{end}}', '012'],
  ['{{if eq .Os "windows"}}a{{else if eq .Os "linux" "plan9"}}b{{else}}c{{end}}', 'b'],
  ['{{with .Author}}A{{else}}none{{end}}{{with $x := .Os}}{{$x}}{{end}}', 'nonelinux'],
  ['{{$x := .Os}}{{$x}}{{$x = "z"}}{{$x}}', 'linuxz'],
  ['{{range $i, $e := .RootFS.Layers}}{{if $i}}, {{end}}{{slice $e 7 9}}{{end}}', '11, 22'],
  ['{{join .Config.Env ","}} {{split "a,b" ","}} {{upper .Os}} {{lower "ÀB"}}', 'PATH=/bin,A=b c [a b] LINUX àb'],
  ['{{title "ab-cd éa"}} {{truncate "hello" 3}} {{pad "x" 2 3}}|', 'Ab-Cd Éa hel   x   |'],
  ['{{html "<a&\\"x\\">"}} {{js "<a\'"}} {{urlquery "a b"}}', "&lt;a&amp;&#34;x&#34;&gt; \\u003Ca\\' a+b"],
  ['{{print "a" 1 2 "b" "c"}}|{{println "a" 1 2 "b"}}', 'a1 2bc|a 1 2 b\n'],
  ['{{len .Os}} {{index .RootFS.Layers 1}} {{index "abc" 1}} {{slice .Config.Env 1}}', '5 sha256:2222 98 [A=b c]'],
  [
    '{{and true .Os}} {{or "" .Os}} {{not .Os}} {{lt 1 2}} {{ge 3 3}} {{ne "a" "b"}}',
    'linux linux false true true true',
  ],
  ['{{ .Os | printf "%s:%s" "x" }} {{(index .Config.Env 0) | len}}', 'x:linux 9'],
  [
    '{{printf "%s-%d-%v-%q-%t-%5d|%-5s|%05d|%x|%.2f" .Os .Size .Config.Env .Os true 42 "a" 7 255 1.5}}',
    'linux-7685632-[PATH=/bin A=b c]-"linux"-true-   42|a    |00007|ff|1.50',
  ],
  ['{{printf "%d" "a"}} {{printf "%s"}} {{printf "x" 1}}', '%!d(string=a) %!s(MISSING) x%!(EXTRA int=1)'],
  [
    '{{printf "%+d|%#x|%c|%U|%e|%g|%08.3f|%x" 5 255 65 65 1.5 0.1 3.14159 "hi"}}',
    '+5|0xff|A|U+0041|1.500000e+00|0.1|0003.142|6869',
  ],
  ["{{1_000}} {{0x1f}} {{012}} {{1e3}} {{1e-7}} {{1e20}} {{'a'}}", '1000 31 10 1000 1e-07 1e+20 97'],
  ['a {{- " b " -}} c', 'a b c'],
  ['{{/* c */}}x {{- /* c */ -}} y', 'xy'],
  ['{{"\\u00e9\\t|"}}{{`raw\\n`}}', 'é\t|raw\\n'],
  ['{{if .Os -}}\n  {{.Os}}\n{{- end}}\n', 'linux\n'],
  ['{{"}}"}}', '}}'],
  ['a\\tb\\n', 'a\\tb\\n'],
])('%s prints what docker prints', (template, expected) => {
  expect(compileTemplate(template).fill(image)).toBe(expected)
})

test.each([
  ['{{.foo}}', ':1:2: executing "" at <.foo>: map has no entry for key "foo"'],
  ['{{.Config.Foo}}', ':1:9: executing "" at <.Config.Foo>: map has no entry for key "Foo"'],
  ['a\n{{.foo}}', ':2:2: executing "" at <.foo>: map has no entry for key "foo"'],
  ['{{.Os.Foo}}', ':1:5: executing "" at <.Os.Foo>: can\'t evaluate field Foo in type interface {}'],
  [
    '{{index .RootFS.Layers 5}}',
    ':1:2: executing "" at <index .RootFS.Layers 5>: error calling index: index out of range: 5',
  ],
  ['{{eq 1 "a"}}', ':1:2: executing "" at <eq 1 "a">: error calling eq: incompatible types for comparison'],
  ['{{lower 5}}', ':1:8: executing "" at <5>: expected string; found 5'],
  ['{{join .Os ","}}', ':1:7: executing "" at <.Os>: wrong type for value; expected []string; got string'],
  ['{{len}}', ':1:2: executing "" at <len>: wrong number of args for len: want 1 got 0'],
  ['{{.Os "b"}}', ':1:2: executing "" at <.Os>: Os is not a method but has arguments'],
  ['{{range .Os}}x{{end}}', ':1:8: executing "" at <.Os>: range can\'t iterate over linux'],
  ['{{nil}}', ':1:2: executing "" at <nil>: nil is not a command'],
])('%s is refused when it meets the data, and the place is told', (template, message) => {
  expect(() => compileTemplate(template).fill(image)).toThrow(`template parsing error: template: ${message}`)
})

test.each([
  ['{{.Foo', 'unclosed action'],
  ['{{foo}}', 'function "foo" not defined'],
  ['{{if}}x{{end}}', 'missing value for if'],
  ['{{range .Config.Env}}', 'unexpected EOF'],
  ['{{end}}', 'unexpected {{end}}'],
  ['{{else}}', 'unexpected {{else}}'],
  ['{{if .Os}}a{{else}}b{{else}}c{{end}}', 'expected end; found {{else}}'],
  ['{{$y}}', 'undefined variable "$y"'],
  ['{{if true}}{{$z := 1}}{{end}}{{$z}}', 'undefined variable "$z"'],
  ['{{.Os}', "bad character U+007D '}'"],
  ['{{ "abc }}', 'unterminated quoted string'],
  ['{{|}}', 'unexpected "|" in command'],
  ['{{(.Os}}', 'unclosed left paren'],
  ['{{.Os)}}', 'unexpected right paren'],
  ['{{"\\q"}}', 'invalid syntax'],
  ['{{ 1a }}', 'bad number syntax: "1a"'],
  ['{{break}}', '{{break}} outside {{range}}'],
  ['{{..}}', 'unexpected <.> in operand'],
  ['{{$x, $y := .Os}}', 'too many declarations in command'],
])('%s is refused before it is used', (template, message) => {
  expect(() => compileTemplate(template)).toThrow(`template parsing error: template: :1: ${message}`)
})
