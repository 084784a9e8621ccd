import { expect, test } from 'vitest'
import type { TareEvent } from '../../index.ts'
import { formatTransfer, loaded, pulled, pushed, showTransfers } from './transfers.ts'

type Transfer = Extract<TareEvent, { readonly type: 'transfer' }>

function transfer(digit: string, more: Partial<Transfer> = {}): Transfer {
  return {
    ...{ type: 'transfer', digest: `sha256:${digit.repeat(64)}`, phase: 'downloading' },
    ...{ current: 1_500_000, total: 3_000_000, done: false },
    ...more,
  }
}

function render(
  events: readonly TareEvent[],
  options: { readonly isTerminal: boolean; readonly rows?: number },
): string {
  let text = ''
  let clock = 0
  const transfers = showTransfers(
    {
      write: (more) => {
        text += more
      },
      isTerminal: options.isTerminal,
      size: () => ({ columns: 80, rows: options.rows ?? 24 }),
      env: {},
      now: () => clock,
    },
    pulled,
  )
  for (const event of events) {
    clock += 200
    transfers.report(event)
  }
  transfers.finish()
  return text
}

test('a layer that moves has its bytes, and in a wide window docker’s bar', () => {
  expect(formatTransfer(transfer('a'), pulled, 80)).toBe('aaaaaaaaaaaa: Downloading  1.5MB/3MB')
  expect(formatTransfer(transfer('a'), pulled, 120)).toBe(
    'aaaaaaaaaaaa: Downloading [=========================>                         ]  1.5MB/3MB',
  )
  expect(formatTransfer(transfer('a', { phase: 'compressing', total: 0 }), pushed, 120)).toBe(
    'aaaaaaaaaaaa: Compressing  1.5MB',
  )
  expect(formatTransfer(transfer('a', { phase: 'loading', current: 9, total: 3 }), loaded, 120)).toContain('=>]')
})

test('a layer that is there says how it came', () => {
  const said = (outcome: NonNullable<Transfer['outcome']>) =>
    formatTransfer(transfer('a', { done: true, outcome }), pushed, 80)
  expect(said('transferred')).toBe('aaaaaaaaaaaa: Pushed')
  expect(said('existing')).toBe('aaaaaaaaaaaa: Layer already exists')
  expect(said('mounted')).toBe('aaaaaaaaaaaa: Mounted')
})

test('where no terminal is, each layer gets one line when it is there', () => {
  const events: TareEvent[] = [
    transfer('a'),
    transfer('b'),
    transfer('b', { done: true, outcome: 'existing' }),
    transfer('a', { current: 2_000_000 }),
    transfer('a', { done: true, outcome: 'transferred' }),
    transfer('a', { done: true, outcome: 'existing' }),
    { type: 'image', id: 'sha256:c' },
  ]
  expect(render(events, { isTerminal: false })).toBe('bbbbbbbbbbbb: Already exists\naaaaaaaaaaaa: Pull complete\n')
  expect(render([], { isTerminal: false })).toBe('')
})

test('on a terminal the lines are drawn over themselves, and the last picture stays', () => {
  const text = render([transfer('a'), transfer('b'), transfer('a', { done: true, outcome: 'transferred' })], {
    isTerminal: true,
  })
  const pictures = text.split('\x1b[?25l').map((picture) => picture.replace(/\x1b\[\??\d*\w\r?/g, ''))
  expect(pictures[1]).toBe('aaaaaaaaaaaa: Downloading  1.5MB/3MB\n')
  expect(pictures.at(-1)).toBe('aaaaaaaaaaaa: Pull complete\nbbbbbbbbbbbb: Downloading  1.5MB/3MB\n')
  expect(text).toContain('\x1b[2A\r')
  expect(text).toMatch(/\x1b\[\?25h$/)
  expect(render([], { isTerminal: true })).not.toContain('\x1b[?25l')
})

test('a low window shows what moves rather than what is done', () => {
  const events = [
    ...['1', '2', '3', '4'].map((digit) => transfer(digit, { done: true, outcome: 'transferred' })),
    transfer('a'),
  ]
  const text = render(events, { isTerminal: true, rows: 3 })
  const pictures = text.split('\x1b[?25l')
  expect(pictures.at(-2)!.match(/: /g)).toHaveLength(2)
  expect(pictures.at(-2)).toContain('aaaaaaaaaaaa')
  expect(pictures.at(-1)!.match(/: /g)).toHaveLength(5)
})
