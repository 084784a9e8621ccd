import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { temporaryFolder } from './cli.ts'

export interface Window {
  readonly columns: number
  readonly rows: number
  readonly env?: Readonly<Record<string, string>>
  /** What runs in it; by default a shell with a plain prompt. */
  readonly command?: string
  readonly folder?: string
}

/** A shell in a terminal of its own: tmux, which has to be there. */
export function openTerminal({ columns, rows, env = {}, command, folder }: Window) {
  const socket = join(temporaryFolder(), 'tmux')
  const tmux = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync('tmux', ['-u', '-S', socket, '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', LANG: 'C.UTF-8', TERM: 'xterm-256color', ...env },
    })
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${stderr}`)
    return stdout
  }
  const place = folder === undefined ? [] : ['-c', folder]
  const shell = command ?? "env PS1='$ ' bash --norc --noprofile -i"
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), ...place, shell)
  onTestFinished(() => {
    spawnSync('tmux', ['-S', socket, 'kill-server'])
  })
  const screen = () => tmux('capture-pane', '-p')
  return {
    screen,
    /** Waits until the screen has all of these. */
    see: async (...wanted: readonly (string | RegExp)[]) => {
      for (const one of wanted)
        await expect.poll(screen).toMatch(typeof one === 'string' ? new RegExp(escaped(one)) : one)
    },
    type: (...keys: readonly string[]) => tmux('send-keys', ...keys),
    /** Types text as it is, without names of keys. */
    write: (text: string) => tmux('send-keys', '-l', text),
    resize: (width: number, height: number) => tmux('resize-window', '-x', String(width), '-y', String(height)),
    /** What the program has set in the terminal: the alternate screen, a hidden cursor. */
    modes: () => tmux('display-message', '-p', '#{alternate_on} #{cursor_flag} #{wrap_flag}').trim(),
  }
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
