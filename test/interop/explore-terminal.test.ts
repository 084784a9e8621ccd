import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openTare } from '../../src/index.ts'
import { program, temporaryFolder } from '../kit/cli.ts'
import { hasProgram } from '../kit/needs.ts'
import { openTerminal } from '../kit/terminal.ts'

// `tare explore --terminal` in a terminal that is one: tmux.

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`

const plainModes = '0 1 1'
const size = { columns: 80, rows: 24 }

/** An image with three layers, and a script that explores it and leaves the number of its process behind. */
async function builtImage(): Promise<{ readonly explore: string; readonly pidFile: string }> {
  const folder = temporaryFolder()
  const files = {
    base: { 'etc/hosts': 'a', 'etc/passwd': 'b', 'bin/sh': 'c' },
    more: { 'etc/hosts': 'changed', 'srv/new': 'd' },
  }
  for (const [layer, of] of Object.entries(files))
    for (const [path, text] of Object.entries(of)) {
      mkdirSync(join(folder, layer, path, '..'), { recursive: true })
      writeFileSync(join(folder, layer, path), text)
    }
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY base /\nCOPY more /\nWORKDIR /opt\nCMD ["/bin/sh"]\n')
  const home = temporaryFolder()
  const tare = await openTare({ home, environment: {} })
  await tare.build({ context: { kind: 'directory', path: folder }, tags: ['app'] })
  const pidFile = join(folder, 'pid')
  const command = [process.execPath, program, 'explore', '--terminal', 'app'].map(quoted).join(' ')
  writeFileSync(join(folder, 'explore'), `echo $$ >${quoted(pidFile)}\nexec env TARE_HOME=${quoted(home)} ${command}\n`)
  return { explore: `sh ${join(folder, 'explore')}`, pidFile }
}

describe.skipIf(!hasProgram('tmux', '-V'))('on a terminal', () => {
  for (const window of [size, { columns: 200, rows: 50 }])
    test(`of ${window.columns} x ${window.rows} an image is walked through, and the terminal is as it was in the end`, async () => {
      const { explore } = await builtImage()
      const { screen, see, type, modes } = openTerminal(window)
      type(`${explore}; echo "exit $?"`, 'Enter')
      await see('● Layers', 'Changes of layer 1', /\+ .*hosts/, /1 +3B +COPY base/, 'efficiency')
      const lines = screen().trimEnd().split('\n')
      expect(lines).toHaveLength(window.rows)
      expect(lines.at(-1)).toContain('q Quit')
      type('Down')
      await see(
        'Changes of layer 2',
        /~ .*hosts/,
        /\+ .*new/,
        ' +1 added  ~1 changed  =0 rewritten  -0 removed  2 same',
      )
      type('Tab')
      await see('● Changes of layer 2', '^U 2 same')
      type('C-u')
      await see('without same')
      await expect.poll(screen).not.toContain('passwd')
      type('C-u')
      // A wide window has room for them.
      if (window === size) type('C-b')
      await see(/-rw-r--r-- 0:0 +7B/)
      type('/', 'passw')
      await see('Search: passw', '1 found', 'passwd')
      await expect.poll(screen).not.toContain('srv')
      type('Escape')
      await see('srv')
      type('w')
      await see(/1B +1x replaced +\/etc\/hosts/)
      type('q', 'q')
      await see('exit 0')
      expect(modes()).toBe(plainModes)
      expect(screen()).not.toContain('Layers')
    })

  test('another size of the window makes another picture', async () => {
    const { explore } = await builtImage()
    const { screen, see, type, resize } = openTerminal(size)
    type(explore, 'Enter')
    await see('Changes of layer 1')
    resize(120, 40)
    await expect.poll(() => screen().trimEnd().split('\n').length).toBe(40)
    resize(45, 20)
    await expect.poll(screen).not.toContain('Changes of layer')
    await see('● Layers', 'q Quit')
    resize(80, 24)
    await see('● Layers', 'Changes of layer 1')
  })

  test('^C and signals end it with the terminal as it was', async () => {
    const { explore, pidFile } = await builtImage()
    const { see, type, modes } = openTerminal(size)
    const ends = [
      [undefined, 0],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
      ['SIGINT', 130],
    ] as const
    for (const [signal, code] of ends) {
      type('clear', 'Enter')
      type(`${explore}; echo "ended $?"`, 'Enter')
      await see('● Layers', 'Changes of layer 1')
      if (signal === undefined) type('C-c')
      else process.kill(Number(readFileSync(pidFile, 'utf8')), signal)
      await see(`ended ${code}`)
      expect(modes(), signal).toBe(plainModes)
    }
    // The shell has its line back: what is typed is seen.
    type('echo typed')
    await see('$ echo typed')
  })

  test('^Z leaves the terminal to the shell, and fg goes on where it was', async () => {
    const { explore } = await builtImage()
    const { see, type, modes } = openTerminal(size)
    type(explore, 'Enter')
    await see('Changes of layer 1')
    type('Down')
    await see('Changes of layer 2')
    type('C-z')
    await see('Stopped')
    expect(modes()).toBe(plainModes)
    type('fg', 'Enter')
    await see('● Layers', 'Changes of layer 2')
    type('Down')
    await see('Changes of layer 3')
    type('q')
    // What is typed before the shell has the terminal again is lost.
    await see(/\$\s*$/)
    type('echo $((6 * 7))', 'Enter')
    await see('42')
    expect(modes()).toBe(plainModes)
  })

  test('a dumb terminal, and a pipe, are told so', async () => {
    const { explore } = await builtImage()
    const { see, type, modes } = openTerminal(size)
    type(`TERM=dumb ${explore}; echo "exit $?"`, 'Enter')
    await see('TERM=dumb', 'exit 1')
    type('clear', 'Enter')
    type(`${explore} | cat; echo "exit $PIPESTATUS"`, 'Enter')
    await see('standard output is none', 'exit 1')
    type('clear', 'Enter')
    type(`echo | ${explore}; echo "exit $?"`, 'Enter')
    await see('standard input is none', 'exit 1')
    expect(modes()).toBe(plainModes)
  })
})
