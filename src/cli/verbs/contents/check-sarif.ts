import type { CheckFinding, CheckResult } from '../../../index.ts'

const levels = { error: 'error', warning: 'warning', note: 'note' } as const

/** The findings as SARIF 2.1.0, which code hosts show beside a change. */
export function sarifOf({ findings, silenced }: CheckResult, image: string, version: string): object {
  const all: readonly (CheckFinding & { readonly accepted?: string })[] = [...findings, ...silenced]
  const codes = [...new Set(all.map(({ code }) => code))].sort()
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'tare', version, rules: codes.map((id) => ({ id })) } },
        results: all.map((one) => ({
          ruleId: one.code,
          ruleIndex: codes.indexOf(one.code),
          level: levels[one.severity],
          message: { text: `${one.message}. ${one.reason} ${one.remedy}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: encodeURI(one.path ?? image).replace(/[?#]/g, encodeURIComponent) },
              },
              logicalLocations: [{ fullyQualifiedName: one.path === undefined ? image : `${image}:/${one.path}` }],
            },
          ],
          ...(one.layer === undefined ? {} : { properties: { layer: one.layer } }),
          ...(one.accepted === undefined ? {} : { suppressions: [{ kind: 'external', justification: one.accepted }] }),
        })),
      },
    ],
  }
}
