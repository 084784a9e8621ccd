import { createHash } from 'node:crypto'
import type { Bill, BillPackage } from './bill.ts'
import { isLicenseExpression } from './license.ts'

const none = 'NOASSERTION'

/** The bill as SPDX 2.3, as JSON. (spdx-spec 2.3) */
export function spdxOf(bill: Bill): object {
  const [, digest] = bill.digest.split(':')
  const image = 'SPDXRef-Image'
  const packageIds = bill.packages.map(
    (one, i) => `SPDXRef-Package-${i + 1}-${one.type}-${one.name.replace(/[^A-Za-z0-9.-]+/g, '-')}`,
  )
  const fileIds = bill.files.map((_, i) => `SPDXRef-File-${i + 1}`)
  const relate = (spdxElementId: string, relationshipType: string, relatedSpdxElement: string) => ({
    ...{ spdxElementId, relationshipType, relatedSpdxElement },
  })
  const refs = licenseRefs(bill.packages)
  // By the package that they belong to; undefined: to the image alone.
  const filesOf = new Map<number | undefined, string[]>()
  for (const { owner, sha1 } of bill.files) {
    const known = filesOf.get(owner)
    if (known === undefined) filesOf.set(owner, [sha1])
    else known.push(sha1)
  }
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: bill.name,
    documentNamespace: `https://spdx.org/spdxdocs/tare-${digest}`,
    creationInfo: {
      created: bill.created,
      creators: [`Tool: tare-${bill.toolVersion}`],
      ...(bill.unread.length === 0
        ? {}
        : {
            comment: bill.unread.map(({ type, path, reason }) => `Not read: /${path} (${type}), ${reason}.`).join(' '),
          }),
    },
    packages: [
      {
        SPDXID: image,
        name: bill.name,
        versionInfo: bill.digest,
        downloadLocation: none,
        ...analyzed(filesOf.get(undefined)),
        primaryPackagePurpose: 'CONTAINER',
        checksums: [{ algorithm: 'SHA256', checksumValue: digest }],
        ...{ licenseConcluded: none, licenseDeclared: none, copyrightText: none },
      },
      ...bill.packages.map((one, i) => ({
        SPDXID: packageIds[i],
        name: one.name,
        versionInfo: one.version,
        downloadLocation: none,
        ...analyzed(filesOf.get(i)),
        licenseConcluded: none,
        licenseDeclared: one.license === undefined ? none : (refs.get(one.license)?.licenseId ?? one.license),
        copyrightText: none,
        sourceInfo: `listed in /${one.database}`,
        externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: one.url }],
      })),
    ],
    ...(refs.size === 0 ? {} : { hasExtractedLicensingInfos: [...refs.values()] }),
    ...(bill.files.length === 0
      ? {}
      : {
          files: bill.files.map(({ path, sha1, sha256 }, i) => ({
            SPDXID: fileIds[i],
            fileName: `./${path}`,
            checksums: [
              { algorithm: 'SHA1', checksumValue: sha1 },
              { algorithm: 'SHA256', checksumValue: sha256 },
            ],
            ...{ licenseConcluded: none, licenseInfoInFiles: [none], copyrightText: none },
          })),
        }),
    relationships: [
      relate('SPDXRef-DOCUMENT', 'DESCRIBES', image),
      ...packageIds.map((id) => relate(image, 'CONTAINS', id)),
      ...bill.files.map(({ owner }, i) =>
        relate(owner === undefined ? image : packageIds[owner]!, 'CONTAINS', fileIds[i]!),
      ),
    ],
  }
}

/** A package contains files only if they were analyzed, which takes a code over all of them. (spdx-spec 2.3, 7.8 and 7.9) */
function analyzed(files: readonly string[] | undefined): object {
  if (files === undefined) return { filesAnalyzed: false }
  const value = createHash('sha1')
    .update([...files].sort().join(''))
    .digest('hex')
  return { filesAnalyzed: true, packageVerificationCode: { packageVerificationCodeValue: value } }
}

interface ExtractedLicense {
  readonly licenseId: string
  readonly name: string
  readonly extractedText: string
}

/** Licenses that SPDX does not list, by what the packages call them. */
function licenseRefs(packages: readonly BillPackage[]): ReadonlyMap<string, ExtractedLicense> {
  const refs = new Map<string, ExtractedLicense>()
  for (const { license } of packages) {
    if (license === undefined || refs.has(license) || isLicenseExpression(license)) continue
    const hash = createHash('sha256').update(license).digest('hex').slice(0, 12)
    refs.set(license, { licenseId: `LicenseRef-${hash}`, name: license, extractedText: license })
  }
  return refs
}
