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
          message: { text: wellFormed(`${one.message}. ${one.reason} ${one.remedy}`) },
          locations: [
            {
              physicalLocation: { artifactLocation: { uri: relativeUri(one.path ?? image) } },
              logicalLocations: [
                { fullyQualifiedName: one.path === undefined ? image : wellFormed(`${image}:/${one.path}`) },
              ],
            },
          ],
          ...(one.layer === undefined ? {} : { properties: { layer: one.layer } }),
          ...(one.accepted === undefined ? {} : { suppressions: [{ kind: 'external', justification: one.accepted }] }),
        })),
      },
    ],
  }
}

/** A path as a relative reference, whose first part has no scheme. A byte that is not UTF-8 is in a name as half a character. */
function relativeUri(path: string): string {
  return Array.from(path, (character) => {
    const byte = character.charCodeAt(0) - 0xdc00
    if (byte >= 0x80 && byte <= 0xff) return `%${byte.toString(16).toUpperCase()}`
    return /[?#:]/.test(character) ? encodeURIComponent(character) : encodeURI(character)
  }).join('')
}

/** What every reader of JSON takes. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}
