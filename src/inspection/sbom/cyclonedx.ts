import type { Bill, BillPackage } from './bill.ts'
import { isLicenseExpression } from './license.ts'

/** The bill as CycloneDX 1.6, as JSON. (CycloneDX 1.6, bom-1.6.schema.json) */
export function cyclonedxOf(bill: Bill): object {
  const [, digest = ''] = bill.digest.split(':')
  const refs = bill.packages.map((one, i) => `package-${i + 1}-${one.url}`)
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(digest)}`,
    version: 1,
    metadata: {
      timestamp: bill.created,
      tools: { components: [{ type: 'application', name: 'tare', version: bill.toolVersion }] },
      component: {
        type: 'container',
        'bom-ref': 'image',
        name: bill.name,
        version: bill.digest,
        hashes: [{ alg: 'SHA-256', content: digest }],
      },
      ...(bill.unread.length === 0
        ? {}
        : {
            properties: bill.unread.map(({ path, reason }) => ({
              name: 'tare:not-read',
              value: `/${path}: ${reason}`,
            })),
          }),
    },
    components: [
      ...bill.packages.map((one, i) => ({
        type: 'library',
        'bom-ref': refs[i],
        name: one.name,
        version: one.version,
        ...licensesOf(one),
        purl: one.url,
        properties: [{ name: 'tare:database', value: `/${one.database}` }],
      })),
      ...bill.files.map(({ path, sha1, sha256, owner }, i) => ({
        type: 'file',
        'bom-ref': `file-${i + 1}`,
        name: `/${path}`,
        hashes: [
          { alg: 'SHA-1', content: sha1 },
          { alg: 'SHA-256', content: sha256 },
        ],
        ...(owner === undefined ? {} : { properties: [{ name: 'tare:package', value: refs[owner] }] }),
      })),
    ],
    dependencies: [{ ref: 'image', dependsOn: refs }],
  }
}

function licensesOf({ license }: BillPackage): object {
  if (license === undefined) return {}
  if (!isLicenseExpression(license)) return { licenses: [{ license: { name: license } }] }
  return { licenses: [/\s/.test(license) ? { expression: license } : { license: { id: license } }] }
}

/** A UUID of version 8, of a digest's first bytes. (RFC 9562, 5.8) */
function uuidOf(hex: string): string {
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
