import type { CheckFinding } from '../../api/index.ts'
import { ContentReader, contentOf } from '../../files/layer/index.ts'
import type { Content } from '../../files/tree/index.ts'
import type { FlatFilesystem } from '../filesystem/flat.ts'
import type { InspectedImage } from '../image.ts'
import { VisibleFiles } from '../weigh/visible-files.ts'
import { finding } from './finding.ts'

interface Pattern {
  readonly name: string
  readonly pattern: RegExp
  /** Only in files with such a path. */
  readonly where?: RegExp
}

// The services' documented token formats; nothing that would require guessing.
const patterns: readonly Pattern[] = [
  {
    name: 'a private key',
    // In JSON, its lines are one.
    pattern: /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\n)[A-Za-z0-9+/=\s:,.-]{60}/,
  },
  { name: 'an age key', pattern: /\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b/ },
  { name: 'an AWS access key', pattern: /\b(?:AKIA|ASIA)(?![A-Z2-7]*EXAMPLE)[A-Z2-7]{16}\b/ },
  {
    name: 'a GitHub token',
    pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b/,
  },
  { name: 'a GitLab token', pattern: /\bglpat-[A-Za-z0-9_-]{20,64}\b/ },
  { name: 'a Slack token', pattern: /\bxox[abprs]-[0-9]{8,}-[A-Za-z0-9-]{10,}\b/ },
  { name: 'a Slack webhook', pattern: /hooks\.slack\.com\/services\/T[A-Z0-9]{8,}\/B[A-Z0-9]{8,}\/[A-Za-z0-9]{20,}/ },
  { name: 'a Google API key', pattern: /\bAIza[0-9A-Za-z_-]{35}\b/ },
  { name: 'an npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b/ },
  { name: 'a Stripe key', pattern: /\b[sr]k_live_[A-Za-z0-9]{24,}\b/ },
  { name: 'a PyPI token', pattern: /\bpypi-AgE[A-Za-z0-9_-]{50,}/ },
  { name: 'a SendGrid key', pattern: /\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b/ },
  { name: 'a Docker Hub token', pattern: /\bdckr_pat_[A-Za-z0-9_-]{27}\b/ },
  { name: 'an OpenAI key', pattern: /\bsk-[A-Za-z0-9_-]{20,200}T3BlbkFJ[A-Za-z0-9_-]{20}/ },
  { name: 'an Anthropic key', pattern: /\bsk-ant-[a-z]+\d\d-[A-Za-z0-9_-]{80}/ },
  { name: 'a Hugging Face token', pattern: /\bhf_[A-Za-z]{34}\b/ },
  {
    name: 'a login of a registry',
    pattern: /"auth"\s*:\s*"[A-Za-z0-9+/]{8,}={0,2}"/,
    where: /(?:^|\/)(?:config\.json|auth\.json|\.dockercfg)$/,
  },
  { name: 'an npm login', pattern: /_(?:authToken|auth|password)\s*=\s*[^\s$]{8,}/, where: /(?:^|\/)\.npmrc$/ },
  { name: 'a password', pattern: /\bpassword\s+\S{4,}/, where: /(?:^|\/)[._]netrc$/ },
  { name: 'a password', pattern: /\/\/[^\s:@/]+:[^\s:@/]{4,}@/, where: /(?:^|\/)\.git-credentials$/ },
]

// A cheap test that all patterns above pass.
const hint =
  /PRIVATE KEY|AGE-SECRET|A[KS]IA|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|hooks\.slack|AIza|npm_|k_live_|pypi-AgE|SG\.|dckr_pat_|hf_|T3BlbkFJ|sk-ant-|"auth"|_auth|_password|password|\/\/[^\s:@/]+:/

// Keys in test suites and documentation are public.
const foldersForShow =
  /(?:^|\/)(?:tests?|testing|testdata|test-data|__tests__|spec|fixtures?|examples?|samples?|docs?|demos?)\//i
const namesForShow = /(?:^|\/)(?:(?:test|example)_[^/]*|[^/]*[._-](?:test|tests|spec|example))\.\w+$/i

const file = 0
const largest = 1 << 20
// Where binary files have a zero.
const binaryHead = 4096
const mostFindings = 200

/**
 * Finds secrets in the layers, including in files removed by a later layer, and in config and history. Values are never shown.
 */
export function checkSecrets(image: InspectedImage, flat: FlatFilesystem): readonly CheckFinding[] {
  // Only needed where there are secrets.
  let isVisible: Uint8Array | undefined
  const findings: CheckFinding[] = []
  for (const [id, name] of secretsIn(flat)) {
    const { layer, table, i } = flat.locate(id)
    isVisible ??= new VisibleFiles(flat).isVisible
    findings.push(inFile(name, table.path(i), layer, isVisible[id] === 0))
    if (findings.length === mostFindings) return findings
  }
  return [...findings, ...inDocuments(image)]
}

/** Yields the entries of all layers that have secrets, and what these are. */
function* secretsIn(flat: FlatFilesystem): Generator<readonly [id: number, name: string]> {
  const reader = new ContentReader({ ahead: largest })
  const buffer = Buffer.allocUnsafe(largest)
  try {
    for (const [layer, table] of flat.tables.entries()) {
      const first = flat.first[layer]!
      const { prefix, size } = table.columns
      const isForShow = table.prefixes.map((text) => foldersForShow.test(text))
      for (let i = 0; i < table.count; i++) {
        if (flat.kinds[first + i] !== file || size[i] === 0 || size[i]! > largest || isForShow[prefix[i]!]) continue
        const bytes = buffer.subarray(0, size[i])
        reader.read(contentAt(flat, layer, i), bytes, 0)
        // Small ones are text mostly, and found not to be only if it matters.
        if (bytes.length > binaryHead && bytes.subarray(0, binaryHead).includes(0)) continue
        const text = bytes.toString('latin1')
        if (!hint.test(text) || text.slice(0, binaryHead).includes('\0')) continue
        const path = table.path(i)
        const name = namesForShow.test(path) ? undefined : secretIn(text, path)
        if (name !== undefined) yield [first + i, name]
      }
    }
  } finally {
    reader.close()
  }
}

function contentAt(flat: FlatFilesystem, layer: number, i: number): Content {
  const { path, offset = 0 } = flat.layers[layer]!
  const at = flat.tables[layer]!.columns.dataAt[i]!
  return at < 0
    ? contentOf(flat.layers[layer]!, flat.tables[layer]!.entry(i))
    : { kind: 'extent', path, offset: offset + at }
}

/** Returns what kind of secret the text contains; undefined if it has none with a known format. */
export function secretIn(text: string, path = ''): string | undefined {
  if (!hint.test(text)) return undefined
  return patterns.find(({ pattern, where }) => {
    if (where !== undefined && !where.test(path)) return false
    const found = pattern.exec(text)?.[0]
    // A placeholder repeats itself: ghp_xxxxxxxx…
    return found !== undefined && new Set(found).size > 9
  })?.name
}

function inFile(name: string, path: string, layer: number, isHidden: boolean): CheckFinding {
  const gone = isHidden ? '; a later layer removes it, and it is still in the image' : ''
  return finding('SecretFound', 'warning', `/${path} in layer ${layer + 1} has ${name}${gone}`, {
    path,
    layer: layer + 1,
    reason: 'Whoever can pull the image can read it.',
    remedy: 'Revoke it, and give secrets to a build with RUN --mount=type=secret, to a container when it is started.',
  })
}

function inDocuments({ config }: InspectedImage): readonly CheckFinding[] {
  const told = (name: string, where: string) =>
    finding('SecretFound', 'warning', `${where} has ${name}`, {
      reason: 'Whoever can pull the image can read it.',
      remedy: 'Revoke it, and give secrets to a build with RUN --mount=type=secret, to a container when it is started.',
    })
  const environment = (config.config.Env ?? []).flatMap((line) => {
    const name = secretIn(line)
    return name === undefined ? [] : [told(name, `the environment variable ${line.split('=')[0]}`)]
  })
  const history = config.history.flatMap(({ created_by: text = '' }, i) => {
    const name = secretIn(text)
    return name === undefined ? [] : [told(name, `line ${i + 1} of the history`)]
  })
  return [...environment, ...history]
}
