import type { CheckFinding, CheckResult, CheckSilence } from '../../api/index.ts'
import { defaultPath } from '../../oci/index.ts'
import { FlatFilesystem } from '../filesystem/flat.ts'
import { treeOf } from '../filesystem/image-tree.ts'
import type { InspectedImage } from '../image.ts'
import { checkAccounts } from './accounts.ts'
import { Filesystem } from './filesystem.ts'
import { finding } from './finding.ts'
import { checkPermissions } from './permissions.ts'
import {
  type Checked,
  type CheckedProgram,
  checkCommand,
  checkProgram,
  findProgram,
  type StartContext,
} from './program.ts'
import { checkSecrets } from './secrets.ts'
import { checkSurroundings } from './surroundings.ts'
import { readUser } from './user.ts'

const ranks = { error: 0, warning: 1, note: 2 } as const

/** Finds what breaks an image when it runs, and secrets in it. The most serious findings come first. */
export function checkImage(image: InspectedImage, silences: readonly CheckSilence[] = []): CheckResult {
  const flat = FlatFilesystem.of(image.layers)
  const files = new Filesystem(treeOf(flat))
  try {
    const { config, platform } = image.config
    const environment = environmentOf(config.Env ?? [])
    const user = config.User ?? ''
    const start: StartContext = {
      ...{ files, environment, architecture: platform.architecture },
      folder: config.WorkingDir || '/',
      user: readUser(files, user),
    }
    const started = checkStart(image, start)
    // If it does not start, nothing else matters.
    const starts = started.findings.every(({ severity }) => severity !== 'error')
    const findings = [
      ...started.findings,
      ...checkOthers(start, started.programs),
      ...checkAccounts(files, user),
      ...checkSurroundings(files, starts ? started.programs : [], environment),
      ...checkPermissions(flat),
      ...checkSecrets(image, flat),
    ]
    return silence(unique(findings).sort(byRank), silences)
  } finally {
    files.close()
  }
}

function checkStart({ config: { config } }: InspectedImage, start: StartContext): Checked {
  const entrypoint = config.Entrypoint ?? []
  const argv = [...entrypoint, ...(config.Cmd ?? [])]
  if (argv.length === 0) {
    const unset = finding('CommandUnset', 'warning', 'the image has neither ENTRYPOINT nor CMD', {
      reason: 'A container of this image starts only with a command: "no command specified".',
      remedy: 'Add CMD ["/program"].',
    })
    return { findings: [unset], programs: [] }
  }
  const what = entrypoint.length > 0 ? 'ENTRYPOINT' : 'CMD'
  const parts = [checkCommand(start, argv[0]!, what), ...checkShell(start, argv, what), ...checkHealth(config, start)]
  return {
    findings: parts.flatMap(({ findings }) => findings),
    programs: parts.flatMap(({ programs }) => programs),
  }
}

const builtIn = new Set(
  [
    '.',
    ':',
    '[',
    'alias',
    'bg',
    'break',
    'case',
    'cd',
    'command',
    'continue',
    'do',
    'echo',
    'eval',
    'exec',
    'exit',
    'export',
    'false',
  ]
    .concat([
      'fg',
      'for',
      'getopts',
      'hash',
      'if',
      'jobs',
      'kill',
      'let',
      'local',
      'printf',
      'pwd',
      'read',
      'readonly',
      'return',
      'set',
    ])
    .concat([
      'shift',
      'source',
      'test',
      'time',
      'times',
      'trap',
      'true',
      'type',
      'ulimit',
      'umask',
      'unalias',
      'unset',
      'until',
      'wait',
      'while',
    ]),
)

/** Checks the program a shell would start, if its name is visible: `sh -c "exec node server.js"`. */
function checkShell(start: StartContext, argv: readonly string[], what: string): readonly Checked[] {
  if (!/(?:^|\/)(?:sh|bash|ash|dash)$/.test(argv[0]!) || argv[1] !== '-c' || argv[2] === undefined) return []
  const words = argv[2].trim().split(/\s+/)
  const name = words[0] === 'exec' ? words[1] : words[0]
  if (name === undefined || builtIn.has(name) || !/^[\w./+-]+$/.test(name)) return []
  return [checkCommand(start, name, what)]
}

/** A health check that cannot start only makes a container unhealthy. */
function checkHealth({ Healthcheck }: InspectedImage['config']['config'], start: StartContext): readonly Checked[] {
  const [form, name] = Healthcheck?.Test ?? []
  const program = form === 'CMD' ? name : form === 'CMD-SHELL' ? '/bin/sh' : undefined
  if (program === undefined) return []
  const { findings } = checkCommand(start, program, 'HEALTHCHECK')
  const reason = 'The health check fails each time, and the container is unhealthy.'
  return [{ findings: findings.map((one) => ({ ...one, severity: 'warning', reason })), programs: [] }]
}

/** Checks programs in PATH for a missing loader or library. */
function checkOthers(start: StartContext, known: readonly CheckedProgram[]): readonly CheckFinding[] {
  const { files, environment } = start
  const seen = new Set(known.map(({ file }) => file))
  const findings: CheckFinding[] = []
  for (const folder of new Set((environment.get('PATH') ?? defaultPath).split(':'))) {
    const node = folder.startsWith('/') ? files.find(folder) : undefined
    if (node?.kind !== 'directory') continue
    for (const name of node.children.keys()) {
      const path = findProgram(start, `${folder}/${name}`)
      const file = path === undefined ? undefined : files.file(path)
      if (path === undefined || file === undefined || (file.mode & 0o111) === 0 || seen.has(file)) continue
      seen.add(file)
      if (files.elf(file) === undefined) continue
      for (const one of checkProgram(start, path, '', 0).findings)
        if (one.code === 'LoaderMissing' || one.code === 'LibraryMissing')
          findings.push({ ...one, severity: 'warning' })
    }
  }
  return findings
}

function environmentOf(lines: readonly string[]): ReadonlyMap<string, string> {
  return new Map(lines.map((line) => [line.split('=', 1)[0]!, line.slice(line.indexOf('=') + 1)]))
}

function unique(findings: readonly CheckFinding[]): CheckFinding[] {
  return [...new Map(findings.map((one) => [`${one.code} ${one.message} ${one.layer ?? ''}`, one])).values()]
}

function byRank(a: CheckFinding, b: CheckFinding): number {
  return ranks[a.severity] - ranks[b.severity]
}

function silence(findings: readonly CheckFinding[], silences: readonly CheckSilence[]): CheckResult {
  const rules = silences.map(({ code, path, reason }) => ({
    code,
    reason,
    fits: path === undefined ? undefined : pattern(path),
  }))
  const left: CheckFinding[] = []
  const silenced: (CheckFinding & { readonly accepted: string })[] = []
  for (const one of findings) {
    const rule = rules.find(({ code, fits }) => code === one.code && (fits === undefined || fits.test(one.path ?? '')))
    if (rule === undefined) left.push(one)
    else silenced.push({ ...one, accepted: rule.reason })
  }
  return { findings: left, silenced }
}

function pattern(path: string): RegExp {
  const text = path
    .replace(/^\/+/, '')
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
  return new RegExp(`^${text}$`, 's')
}
