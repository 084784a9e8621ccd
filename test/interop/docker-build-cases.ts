import { linkSync, lutimesSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TarEntry, type TarHeader, writeTar } from '../../src/files/tar/index.ts'
import { collect } from '../../src/support/index.ts'

/** Dockerfiles on which every BuildKit since 20.10 agrees, each a lesson that some builder got wrong. */
export const cases: Readonly<Record<string, readonly string[]>> = {
  'a directory gives its contents': ['FROM scratch', 'COPY s /x', 'COPY s/ /y/', 'COPY s/a/../a /z'],
  'the root of the context': ['FROM scratch', 'COPY . /all', 'COPY ../.. /up/'],
  'a file into, onto and beside': ['FROM base', 'COPY s/f /d', 'COPY s/f /d/', 'COPY s/f /new/deep/', 'COPY s/f /n'],
  'several sources': ['FROM scratch', 'COPY s/f s/a s/g /x/', 'COPY s/f s/g /last'],
  'links as sources': ['FROM scratch', 'COPY s/lf /x', 'COPY s/la /y', 'COPY s/la/x /z/', 'COPY s/lf s/la /m/'],
  'links in the destination': ['FROM base', 'COPY s/f /ldir/new', 'COPY s /ldir', 'COPY s/f /dangling'],
  'a link out of the root stays inside': ['FROM base', 'COPY s/f /up/n'],
  wildcards: ['FROM scratch', 'COPY s/* /a/', 'COPY s/[fg] /b/', 'COPY s/? /c/', 'COPY s/nothing* /d/', 'COPY */f /e/'],
  'a hidden file and a long name': ['FROM scratch', 'COPY s/.h* /x/', 'COPY long /long'],
  'names of other alphabets': ['FROM scratch', 'COPY names /n', 'COPY ["names/a b", "/a b"]'],
  owners: [
    'FROM base',
    'COPY --chown=5 s /a',
    'COPY --chown=5:6 s /n/b',
    'COPY --chown=mail s /c',
    'COPY --chown=mail:www s/f /d/',
  ],
  'owners that nobody knows': [
    'FROM base',
    'COPY --chown=none s /a',
    'COPY --chown=7:none s /b',
    'COPY --chown=root s /c',
  ],
  'hard links': ['FROM scratch', 'COPY hard /h', 'COPY hard/a hard/b /two/', 'COPY . /all'],
  'working directories': [
    'FROM base',
    'WORKDIR /w/x',
    'WORKDIR y',
    'COPY s/f .',
    'USER mail',
    'WORKDIR z',
    'COPY s/f ./',
  ],
  'an archive': ['FROM scratch', 'ADD t.tar /q', 'ADD t.tar.gz /gz/', 'COPY t.tar /plain/'],
  'an archive over what is there': ['FROM base', 'ADD over.tar /'],
  'copies between stages': [
    'FROM base AS one',
    'COPY --chown=3:4 s /s',
    'FROM scratch',
    'COPY --from=one /s /t',
    'COPY --from=0 /d /u',
    'COPY --from=ONE /ldir/f /v',
  ],
  variables: [
    'ARG V=1',
    'FROM scratch',
    'ARG V',
    'ENV A=x B=$V C=${A:-none}',
    'ENV A=$A/$B D="$C q" E=\'$A\'',
    'LABEL l=${D} m=${N:+n}',
    'COPY s/f /$A/',
  ],
  commands: [
    'FROM scratch',
    'COPY s/f /',
    'CMD ["a"]',
    'ENTRYPOINT ["b", "c d"]',
    'STOPSIGNAL 9',
    'USER 5:6',
    'VOLUME /v /w',
    'SHELL ["/s", "-c"]',
    'CMD x "y"',
    'MAINTAINER me',
  ],
  'what a base says': [
    'FROM base AS a',
    'CMD ["a"]',
    'ENV P=1',
    'FROM a',
    'ENTRYPOINT b',
    'ENV P=2 Q=$P',
    'COPY s/f /',
  ],
  'what is done on build': ['FROM base AS a', 'ONBUILD COPY s/f /ob', 'ONBUILD ENV O=1', 'FROM a', 'COPY s/g /'],
}

/** The base that cases begin with. */
export const base = ['FROM scratch', 'ADD base.tar /', 'ENV BASE=1']

/** Dockerfiles that no builder takes. */
export const refused: Readonly<Record<string, readonly string[]>> = {
  'a file onto a directory': ['FROM base', 'COPY clash /'],
  'a directory onto a file': ['FROM base', 'COPY s /file'],
  'a source that is not there': ['FROM scratch', 'COPY nowhere /'],
  'a pattern that finds a link to nothing': ['FROM scratch', 'COPY broken/* /'],
  'an archive onto a file': ['FROM base', 'ADD t.tar /file'],
  'an archive that is cut short': ['FROM scratch', 'ADD cut.tar /'],
  'a stage that copies from itself': ['FROM scratch AS a', 'COPY --from=a /x /'],
  'a name on an empty filesystem': ['FROM scratch', 'COPY --chown=mail s /'],
}

const time = 1_600_000_000

/** Writes the context that all of them share. */
export async function writeContext(folder: string, gzip: (bytes: Buffer) => Buffer): Promise<void> {
  const put = (path: string, text: string, mode = 0o644) => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text, { mode })
  }
  put('s/f', 'f')
  put('s/g', 'g', 0o755)
  put('s/.hidden', 'h')
  put('s/a/x', 'x', 0o600)
  mkdirSync(join(folder, 's/empty'), { mode: 0o700 })
  symlinkSync('f', join(folder, 's/lf'))
  symlinkSync('a', join(folder, 's/la'))
  symlinkSync('nowhere', join(folder, 's/a/dangling'))
  put(`long/${'d'.repeat(60)}/${'e'.repeat(60)}/f`, 'l')
  put('names/a b', 'b')
  put('names/ünï', 'u')
  put('hard/a', 'hard')
  linkSync(join(folder, 'hard/a'), join(folder, 'hard/b'))
  put('clash/d', 'a directory of the base')
  mkdirSync(join(folder, 'broken'))
  symlinkSync('nowhere', join(folder, 'broken/link'))
  put('.dockerignore', 'ignored\n**/*.log\n!keep.log\n')
  put('ignored/x', '')
  put('s/a/y.log', '')
  put('keep.log', '')
  const archive = await tarOf(
    { path: 'z/', kind: 'directory', mode: 0o2750, uid: 7, gid: 8 },
    { path: 'z/a', text: 'a', mode: 0o4755, uid: 7 },
    { path: 'no/parent', text: 'p' },
    { path: 'link', kind: 'symlink', link: 'z/a' },
    { path: 'hard', kind: 'hardlink', link: 'z/a', mode: 0o755, uid: 9 },
    { path: 'old', text: 'o', mtime: -60 },
  )
  put('t.tar', '')
  writeFileSync(join(folder, 't.tar'), archive)
  writeFileSync(join(folder, 't.tar.gz'), gzip(archive))
  writeFileSync(join(folder, 'cut.tar'), archive.subarray(0, 1600))
  writeFileSync(
    join(folder, 'over.tar'),
    await tarOf(
      { path: 'file', text: 'new' },
      { path: 'ldir/new', text: 'n' },
      { path: 'd/f', kind: 'directory', mode: 0o700 },
    ),
  )
  writeFileSync(
    join(folder, 'base.tar'),
    await tarOf(
      { path: 'etc/passwd', text: 'root:x:0:0::/root:/bin/sh\nmail:x:8:12::/:/bin/sh\n' },
      { path: 'etc/group', text: 'root:x:0:\nwww:x:33:\n' },
      { path: 'd', kind: 'directory', mode: 0o1777 },
      { path: 'd/f', text: 'base' },
      { path: 'file', text: 'base' },
      { path: 'ldir', kind: 'symlink', link: 'd' },
      { path: 'dangling', kind: 'symlink', link: '/some/where' },
      { path: 'up', kind: 'symlink', link: '../../d' },
    ),
  )
  setTimes(folder)
}

function setTimes(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) setTimes(path)
    lutimesSync(path, time, time)
  }
}

function tarOf(
  ...entries: readonly (Partial<TarHeader> & { readonly path: string; readonly text?: string })[]
): Promise<Buffer> {
  async function* all(): AsyncGenerator<TarEntry> {
    for (const { text = '', ...header } of entries) {
      const body = (async function* () {
        if (text !== '') yield Buffer.from(text)
      })()
      yield {
        kind: 'file',
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 1_500_000_000,
        mtimeNs: 0,
        size: text.length,
        ...header,
        body,
      }
    }
  }
  return collect(writeTar(all()), 1 << 20)
}
