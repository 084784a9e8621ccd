// The identifiers of the SPDX list that packages use most; other licenses are written as the package states them.
const ids = new Set(
  [
    '0BSD AFL-2.1 AGPL-3.0-only AGPL-3.0-or-later Apache-1.1 Apache-2.0 Artistic-1.0 Artistic-1.0-Perl Artistic-2.0 BlueOak-1.0.0 BSD-1-Clause',
    'BSD-2-Clause BSD-3-Clause BSD-4-Clause BSD-Source-Code BSL-1.0 bzip2-1.0.6 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-4.0 CC0-1.0 CDDL-1.0 curl',
    'EPL-1.0 EPL-2.0 FSFAP GFDL-1.3-or-later GPL-1.0-only GPL-1.0-or-later GPL-2.0-only GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later',
    'HPND ICU IJG ISC LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0-only LGPL-3.0-or-later Libpng MIT MIT-0',
    'MPL-1.1 MPL-2.0 NCSA OFL-1.1 OLDAP-2.8 OpenSSL PHP-3.01 PostgreSQL PSF-2.0 Python-2.0 Ruby Sleepycat TCL Unicode-DFS-2016',
    'Unlicense Vim W3C WTFPL X11 Zlib ZPL-2.1',
  ].flatMap((line) => line.split(' ')),
)
const exceptions = new Set([
  'GCC-exception-3.1',
  'OpenSSL-exception',
  'Classpath-exception-2.0',
  'LLVM-exception',
  'Autoconf-exception-3.0',
])

/** Whether the text is an expression of licenses that SPDX lists: `MIT`, `GPL-2.0-only AND (BSD-3-Clause OR MIT)`. */
export function isLicenseExpression(text: string): boolean {
  const words = text.replace(/[()]/g, ' $& ').trim().split(/\s+/)
  let depth = 0
  let wantsLicense = true
  for (const [i, word] of words.entries()) {
    if (word === '(') {
      if (!wantsLicense) return false
      depth += 1
    } else if (word === ')') {
      if (wantsLicense || --depth < 0) return false
    } else if (word === 'AND' || word === 'OR' || word === 'WITH') {
      if (wantsLicense || (word === 'WITH' && !exceptions.has(words[i + 1] ?? ''))) return false
      wantsLicense = true
    } else if (wantsLicense && (words[i - 1] === 'WITH' ? exceptions.has(word) : ids.has(word))) wantsLicense = false
    else return false
  }
  return !wantsLicense && depth === 0
}
