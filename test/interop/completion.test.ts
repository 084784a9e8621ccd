import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openTare } from '../../src/index.ts'
import { program, temporaryFolder } from '../kit/cli.ts'
import { hasProgram } from '../kit/needs.ts'
import { openTerminal } from '../kit/terminal.ts'

// Completion in each shell as somebody types: in a terminal that is one, tmux.

const shells = [
  ['bash', "env HISTFILE= PS1='$ ' bash --norc --noprofile -i", 'source <(tare completion bash)'],
  ['zsh', "env PS1='$ ' zsh -f -i", 'autoload -U compinit && compinit -D -u; source <(tare completion zsh)'],
  ['fish', 'fish --no-config -i', 'function fish_prompt; echo "\\$ "; end; tare completion fish | source'],
] as const

async function bench() {
  const folder = temporaryFolder()
  const home = join(folder, 'home')
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin/tare'), `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`)
  chmodSync(join(folder, 'bin/tare'), 0o755)
  const context = join(folder, 'my app')
  mkdirSync(context)
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch AS compile\nFROM compile AS release\n')
  const tare = await openTare({ home, environment: {} })
  await tare.build({
    context: { kind: 'directory', path: context },
    tags: ['only:latest', '127.0.0.1:5000/team/other:x'],
  })
  return { folder, env: { TARE_HOME: home, HOME: folder, PATH: `${folder}/bin:${process.env['PATH']}` } }
}

describe.skipIf(!hasProgram('tmux', '-V'))('on a terminal', () => {
  for (const [shell, command, setup] of shells)
    test.runIf(hasProgram(shell))(
      `${shell} completes commands, flags, values, names with colons, and stages of a folder with a space`,
      async () => {
        const { folder, env } = await bench()
        const { screen, see, type, write } = openTerminal({ columns: 120, rows: 40, env, command, folder })
        await see(/[$#>]$/m)
        write(`${setup}; echo read''y`)
        type('Enter')
        await see(/^ready/m)
        for (const [typed, completed] of [
          ['tare image reb', 'tare image rebase'],
          ['tare build --metad', 'tare build --metadata-file'],
          ['tare build --progress=raw', 'tare build --progress=rawjson'],
          ['tare build -o type=lo', 'tare build -o type=local'],
          ['tare push onl', 'tare push only:latest'],
          ['tare push 127.0.0.1:5000/te', 'tare push 127.0.0.1:5000/team/other:x'],
          ['tare build my\\ app --target rel', 'tare build my\\ app --target release'],
          ["tare build 'my app' --target=com", "tare build 'my app' --target=compile"],
          ['tare build --platform linux/amd64,linux/ri', 'tare build --platform linux/amd64,linux/riscv64'],
          ['tare build my', 'tare build my\\ app/'],
        ] as const) {
          type('C-l')
          write(typed)
          type('Tab')
          await see(completed)
          type('C-c')
          await expect.poll(() => screen().trimEnd().split('\n').at(-1)).toMatch(/^\$ *$/)
        }
      },
    )
})
