import { createHash } from 'node:crypto'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { describe, expect, test } from 'vitest'
import { openBench, shared, writeFiles } from '../../../test/kit/cli.ts'
import { unlessMissing } from '../../../test/kit/needs.ts'
import { hasPublishedSchema, publishedErrors, spdxErrors } from '../../../test/kit/spdx.ts'
import { tinyTar } from '../../../test/kit/tiny-image.ts'
import { openTare } from '../../verbs/index.ts'
import { isLicenseExpression } from './license.ts'
import { packageUrl } from './package-url.ts'

const apk = `P:musl
V:1.2.4-r4
A:x86_64
L:MIT
o:musl
F:lib
R:libc.so

P:tool
V:1
L:Custom License, see LICENSE
F:bin
R:tool
`

async function openImage() {
  const bench = openBench()
  const folder = writeFiles(join(bench.folder, 'context'), {
    'root/lib/libc.so': 'libc',
    'root/bin/tool': 'tool',
    'root/etc/os-release': 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID="3.19.1"\n',
    'root/lib/apk/db/installed': apk,
    'root/var/lib/rpm/Packages': 'an old database',
    'root/<script>alert(1)': 'x',
    Dockerfile: 'FROM scratch\nCOPY root/ /\n',
  })
  const tare = await openTare({ home: join(bench.folder, 'home'), environment: {} })
  await tare.build({
    context: { kind: 'directory', path: folder },
    tags: ['app'],
    environment: { SOURCE_DATE_EPOCH: '1700000000' },
  })
  return tare
}

type Json = Record<string, never>

async function isCycloneDx(document: object): Promise<unknown> {
  return new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(JSON.stringify(document))
}

test('a name that is not UTF-8 is one that every reader of JSON takes, in both formats', async () => {
  const { folder } = openBench()
  const path = join(folder, 'layer.tar')
  writeFileSync(path, tinyTar('caf\xe9', 'x'))
  const tare = await openTare({ home: join(folder, 'home'), environment: {} })
  await tare.images.append({ image: 'scratch', layers: [{ path }], to: 'app' })
  for (const format of ['spdx', 'cyclonedx'] as const) {
    const text = JSON.stringify(await tare.images.sbom({ image: 'app', format }))
    expect(text).toContain('/caf\ufffd"')
    expect(text).not.toContain('\\ud')
  }
})

test('SPDX has the image, its packages, its files and what contains what', async () => {
  const tare = await openImage()
  const { id } = (await tare.images.list())[0]!
  const hex = id.slice('sha256:'.length)
  const document = (await tare.images.sbom({ image: 'app' })) as Json
  expect(document).toMatchObject({
    ...{ spdxVersion: 'SPDX-2.3', dataLicense: 'CC0-1.0', SPDXID: 'SPDXRef-DOCUMENT', name: 'app' },
    documentNamespace: `https://spdx.org/spdxdocs/tare-${hex}`,
    creationInfo: {
      created: '2023-11-14T22:13:20Z',
      creators: [expect.stringMatching(/^Tool: tare-\d/)],
      comment: expect.stringContaining('Not read: /var/lib/rpm/Packages (rpm)'),
    },
  })
  const [image, musl, tool] = document['packages'] as unknown as Json[]
  expect(image).toMatchObject({ SPDXID: 'SPDXRef-Image', versionInfo: id, primaryPackagePurpose: 'CONTAINER' })
  expect(musl).toMatchObject({
    ...{ SPDXID: 'SPDXRef-Package-1-apk-musl', name: 'musl', versionInfo: '1.2.4-r4', licenseDeclared: 'MIT' },
    externalRefs: [
      {
        ...{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl' },
        referenceLocator: 'pkg:apk/alpine/musl@1.2.4-r4?arch=x86_64&distro=alpine-3.19.1',
      },
    ],
  })
  expect(tool!['licenseDeclared']).toMatch(/^LicenseRef-[0-9a-f]{12}$/)
  expect(document['hasExtractedLicensingInfos']).toEqual([
    {
      licenseId: tool!['licenseDeclared'],
      ...{ name: 'Custom License, see LICENSE', extractedText: 'Custom License, see LICENSE' },
    },
  ])
  const files = document['files'] as unknown as Json[]
  const libc = files.find((file) => String(file['fileName']) === './lib/libc.so')!
  // By sha1sum and sha256sum.
  expect(libc['checksums']).toEqual([
    { algorithm: 'SHA1', checksumValue: expect.stringMatching(/^[0-9a-f]{40}$/) },
    { algorithm: 'SHA256', checksumValue: expect.stringMatching(/^[0-9a-f]{64}$/) },
  ])
  const relations = (document['relationships'] as unknown as Json[]).map(
    (one) => `${one['spdxElementId']} ${one['relationshipType']} ${one['relatedSpdxElement']}`,
  )
  expect(relations).toContain('SPDXRef-DOCUMENT DESCRIBES SPDXRef-Image')
  expect(relations).toContain('SPDXRef-Image CONTAINS SPDXRef-Package-1-apk-musl')
  expect(relations).toContain(`SPDXRef-Package-1-apk-musl CONTAINS ${libc['SPDXID']}`)
  // Every element has an ID of its own, of the characters that SPDX allows, and every relation is between two of them.
  const ids = [document, ...(document['packages'] as unknown as Json[]), ...files].map((one) => String(one['SPDXID']))
  expect(new Set(ids).size).toBe(ids.length)
  for (const one of ids) expect(one).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/)
  for (const one of document['relationships'] as unknown as Json[])
    expect([ids.includes(one['spdxElementId']!), ids.includes(one['relatedSpdxElement']!)]).toEqual([true, true])
})

test('SPDX has what the specification wants, with and without files, and nothing else', async () => {
  const tare = await openImage()
  const whole = (await tare.images.sbom({ image: 'app' })) as Json
  expect(spdxErrors(whole)).toEqual([])
  const packages = (await tare.images.sbom({ image: 'app', files: false })) as Json
  expect(spdxErrors(packages)).toEqual([])
  // The code of the image is over the files that belong to no package. (spdx-spec 2.3, 7.9)
  const sha1s = (whole['files'] as unknown as { fileName: string; checksums: { checksumValue: string }[] }[])
    .filter(({ fileName }) => !['./lib/libc.so', './bin/tool'].includes(fileName))
    .map(({ checksums }) => checksums[0]!.checksumValue)
  const code = createHash('sha1').update(sha1s.sort().join('')).digest('hex')
  expect((whole['packages'] as unknown as Json[])[0]).toMatchObject({
    packageVerificationCode: { packageVerificationCodeValue: code },
  })
  // What is wrong is found.
  const image = { ...(packages['packages'] as unknown as Json[])[0], filesAnalyzed: true }
  expect(spdxErrors({ ...packages, packages: [image] })).not.toEqual([])
  expect(spdxErrors({ ...whole, packages: packages['packages'] })).not.toEqual([])
  expect(spdxErrors({ ...whole, extra: 1 })).not.toEqual([])
})

test.skipIf(!hasPublishedSchema)('SPDX is valid by the published schema, with and without files', async () => {
  const tare = await openImage()
  for (const files of [true, false]) {
    const document = (await tare.images.sbom({ image: 'app', files })) as Json
    expect(publishedErrors(document)).toEqual([])
    expect(publishedErrors({ ...document, packages: [{ name: 'x' }] })).not.toEqual([])
  }
})

test('CycloneDX is valid by the schema, with and without files, and the same each time', async () => {
  const tare = await openImage()
  const whole = await tare.images.sbom({ image: 'app', format: 'cyclonedx' })
  expect(await isCycloneDx(whole)).toBeNull()
  expect(await tare.images.sbom({ image: 'app', format: 'cyclonedx' })).toEqual(whole)
  const packages = (await tare.images.sbom({ image: 'app', format: 'cyclonedx', files: false })) as Json
  expect(await isCycloneDx(packages)).toBeNull()
  expect((packages['components'] as unknown as Json[]).map((one) => one['name'])).toEqual(['musl', 'tool'])
  // The validator does find what is wrong.
  expect(await isCycloneDx({ ...packages, components: 'none' })).not.toBeNull()
})

const archives = existsSync(join(shared, 'alpine'))
  ? readdirSync(join(shared, 'alpine')).filter((name) => /\.tar\.gz$/.test(name))
  : []

describe.skipIf(!unlessMissing(archives.length > 0, 'the Alpine root filesystems'))('Alpine', () => {
  test.each(archives)('%s has its fifteen packages, valid by the schema', async (archive) => {
    const bench = openBench()
    const tare = await openTare({ home: join(bench.folder, 'home'), environment: {} })
    await tare.images.import({ from: { path: join(shared, 'alpine', archive) }, name: 'alpine' })
    const document = (await tare.images.sbom({ image: 'alpine', format: 'cyclonedx' })) as Json
    expect(await isCycloneDx(document)).toBeNull()
    const spdx = await tare.images.sbom({ image: 'alpine' })
    expect(spdxErrors(spdx)).toEqual([])
    if (hasPublishedSchema) expect(publishedErrors(spdx)).toEqual([])
    const components = document['components'] as unknown as Json[]
    expect(components.filter((one) => String(one['type']) === 'library')).toHaveLength(15)
    expect(components.every((one) => String(one['type']) === 'file' || 'licenses' in one)).toBe(true)
  })
})

test.each([
  [{ type: 'npm', name: '@a/b', version: '1.0.0' }, {}, 'pkg:npm/%40a/b@1.0.0'],
  [{ type: 'npm', name: 'left-pad', version: '1.0.0' }, {}, 'pkg:npm/left-pad@1.0.0'],
  [{ type: 'pypi', name: 'Typing_Extensions', version: '4.1' }, {}, 'pkg:pypi/typing-extensions@4.1'],
  [
    { type: 'rpm', name: 'bash', version: '1:5.2-3.fc40', arch: 'x86_64' },
    { id: 'fedora', version: '40' },
    'pkg:rpm/fedora/bash@5.2-3.fc40?arch=x86_64&distro=fedora-40&epoch=1',
  ],
  [
    { type: 'deb', name: 'libssl3', version: '3.0.11-1~deb12u2', arch: 'amd64', source: 'openssl' },
    { id: 'debian', version: '12' },
    'pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl',
  ],
  [{ type: 'apk', name: 'musl', version: '1' }, {}, 'pkg:apk/alpine/musl@1'],
] as const)('the package %j with the distribution %j has the URL %s', (one, distribution, url) => {
  expect(packageUrl({ ...one, database: 'x' }, distribution)).toBe(url)
})

test.each([
  ['MIT', true],
  ['GPL-2.0-or-later AND (BSD-3-Clause OR MIT)', true],
  ['GPL-3.0-or-later WITH GCC-exception-3.1', true],
  ['MIT License', false],
  ['MIT AND', false],
  ['(MIT', false],
  ['MIT)', false],
  ['AND MIT', false],
  ['GPL-2.0-only WITH MIT', false],
  ['', false],
])('whether %j is an expression of listed licenses: %s', (text, is) => {
  expect(isLicenseExpression(text)).toBe(is)
})
