import type { DockerfileOutline, DockerfileTargets, OutlineLines } from '../../index.ts'
import { printable } from '../text/printable.ts'
import { ruleDescriptions } from './rule-descriptions.ts'
import type { WarningEvent } from './warnings.ts'

// The answers to `tare build --call`, as buildx prints them. (BuildKit, frontend/subrequests)

/** Formats like Go's tabwriter: every column but the last is padded. */
function table(rows: readonly (readonly string[])[], gap: number): string {
  const shown = rows.map((row) => row.map(printable))
  const widths = shown[0]!.map((_, column) => Math.max(...shown.map((row) => [...row[column]!].length)) + gap)
  return shown
    .map((row) =>
      row.map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat(widths[i]! - [...cell].length))),
    )
    .map((row) => `${row.join('')}\n`)
    .join('')
}

function json(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2)
  // As Go escapes it.
  return `${text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`
}

function locationOf({ line, endLine }: OutlineLines) {
  const lines = Array.from({ length: endLine - line + 1 }, (_, i) => line + i)
  return { ranges: lines.map((at) => ({ start: { line: at }, end: { line: at } })) }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** Go leaves empty members out. */
function unlessEmpty<T extends object>(members: T): Partial<T> {
  const isEmpty = (value: unknown) =>
    value === undefined || value === '' || value === false || (Array.isArray(value) && value.length === 0)
  return Object.fromEntries(Object.entries(members).filter(([, value]) => !isEmpty(value))) as Partial<T>
}

export function outlineText({ name, description, args, secrets, ssh }: DockerfileOutline): string {
  const head = name === undefined && description === undefined ? [] : [['TARGET:', name ?? 'default']]
  if (description !== undefined) head.push(['DESCRIPTION:', description])
  const required = (mounts: DockerfileOutline['ssh'], title: string) =>
    mounts.length === 0
      ? ''
      : `${table([[title, 'REQUIRED'], ...mounts.map((mount) => [mount.name, mount.required ? 'true' : ''])], 3)}\n`
  const parts = [
    head.length === 0 ? '' : `${table(head, 1)}\n`,
    args.length === 0
      ? ''
      : `${table([['BUILD ARG', 'VALUE', 'DESCRIPTION'], ...args.map((arg) => [arg.name, arg.value, arg.description ?? ''])], 3)}\n`,
    required(secrets, 'SECRET'),
    required(ssh, 'SSH'),
  ]
  return parts.join('')
}

export function outlineJson({ name, description, args, secrets, ssh, source }: DockerfileOutline): string {
  const mounts = (all: DockerfileOutline['ssh']) =>
    all.map((mount) => ({
      ...unlessEmpty({ name: mount.name, required: mount.required }),
      location: locationOf(mount),
    }))
  return json(
    unlessEmpty({
      ...{ name, description },
      args: args.map((arg) => ({
        ...unlessEmpty({ name: arg.name, description: arg.description, value: arg.value }),
        location: locationOf(arg),
      })),
      ...{ secrets: mounts(secrets), ssh: mounts(ssh), sources: [base64(source)] },
    }),
  )
}

export function targetsText({ targets }: DockerfileTargets): string {
  const rows = targets.map(({ name, isDefault, description }) => [
    name === undefined ? (isDefault ? '(default)' : '') : `${name}${isDefault ? ' (default)' : ''}`,
    description ?? '',
  ])
  return table([['TARGET', 'DESCRIPTION'], ...rows], 1)
}

export function targetsJson({ targets, source }: DockerfileTargets): string {
  return json({
    targets: targets.map((target) => ({
      ...unlessEmpty({
        ...{ name: target.name, default: target.isDefault, description: target.description },
        ...{ base: target.base, platform: target.platform },
      }),
      location: locationOf(target),
    })),
    sources: [base64(source)],
  })
}

const answers = [
  {
    ...{ name: 'outline', description: 'List all parameters current build target supports' },
    opts: [{ name: 'target', description: 'Target build stage' }],
  },
  { name: 'targets', description: 'List all targets current build supports', opts: [] },
  { name: 'subrequests.describe', description: 'List available subrequest types', opts: null },
]

export function describeText(): string {
  return table([['NAME', 'VERSION', 'DESCRIPTION'], ...answers.map((one) => [one.name, '1.0.0', one.description])], 1)
}

export function describeJson(): string {
  const metadata = ['result.json', 'result.txt'].map((name) => ({ name, description: '' }))
  return json(
    answers.map(({ name, description, opts }) => ({
      ...{ name: `frontend.${name}`, version: '1.0.0', type: 'rpc', description, opts },
      ...{ inputs: null, metadata, refs: null },
    })),
  )
}

export function checkJson(warnings: readonly WarningEvent[]): string {
  const sources = new Map<string, { fileName: string; language: string; data: string }>()
  for (const { where } of warnings)
    if (where !== undefined)
      sources.set(where.file, { fileName: where.file, language: 'Dockerfile', data: base64(where.text) })
  const files = [...sources.keys()]
  return json({
    warnings: warnings.map(({ rule, message, url, where }) => ({
      ...unlessEmpty({ ruleName: rule, description: ruleDescriptions[rule], url, detail: message }),
      location:
        where === undefined
          ? {}
          : {
              ...(files.indexOf(where.file) > 0 ? { sourceIndex: files.indexOf(where.file) } : {}),
              ...locationOf(where),
            },
    })),
    sources: [...sources.values()],
  })
}
