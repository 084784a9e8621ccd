import type { Way } from '../sandboxes.ts'

/** How a step tries: as root or as another user, with the machine's network or with none. */
export type Who = 'root' | 'user' | 'lonely'

export interface Situation {
  readonly isolation: 'oci' | 'namespace' | 'chroot'
  /** Whether the build is root's. */
  readonly byRoot: boolean
  /** Whether the build is by the rules of a container. */
  readonly inContainer: boolean
  readonly who: Who
}

export function situationOf(way: Way, who: Who): Situation {
  const isolation = way.wrapper === undefined ? (way.env['TARE_ISOLATION'] as Situation['isolation']) : 'chroot'
  return { isolation, byRoot: way.user === undefined, inContainer: way.wrapper !== undefined, who }
}

/**
 * What gets through all the same, as docs/run.md says ("What stands between a RUN and the machine?"): every other probe of probes.pl
 * is refused in every sandbox.
 */
const open: Readonly<Record<string, (at: Situation) => boolean>> = {
  // The default network is the machine's.
  'abstract sockets': ({ who }) => who !== 'lonely',
  'services of the machine': ({ who }) => who !== 'lonely',
  // CAP_NET_RAW is among Docker's; without root it holds in no network but the step's own.
  'packets of everybody': ({ byRoot, who }) => who !== 'user' && (byRoot || who === 'lonely'),
  // With chroot only the folder is another one.
  'chroot twice': ({ isolation, who }) => isolation === 'chroot' && who !== 'user',
  'a disk that is made': ({ isolation, who }) => isolation === 'chroot' && who !== 'user',
  'messages of the kernel as a device': ({ isolation, who }) => isolation === 'chroot' && who !== 'user',
  'the console': ({ isolation, who }) => isolation === 'chroot' && who !== 'user',
  signals: ({ isolation, who }) => isolation === 'chroot' && who !== 'user',
  'shared memory': ({ isolation }) => isolation === 'chroot',
  'message queues': ({ isolation }) => isolation === 'chroot',
}

export function getsThrough(probe: string, at: Situation): boolean {
  return open[probe]?.(at) === true
}

/** A program for i386 that asks for a user namespace, and ends with 0 where it gets one. */
export function nestingProgram(): Buffer {
  // unshare(CLONE_NEWUSER); exit(result != 0)
  const code = Buffer.from('b836010000bb00000010cd8031db85c00f95c3b801000000cd80', 'hex')
  const base = 0x8048000
  const bytes = Buffer.alloc(84 + code.length)
  Buffer.from('7f454c4601010100', 'hex').copy(bytes)
  const words: readonly (readonly [at: number, value: number])[] = [
    // e_type, e_machine; e_version, e_entry, e_phoff; e_ehsize, e_phentsize, e_phnum
    ...([
      [16, 0x30002],
      [20, 1],
      [24, base + 84],
      [28, 52],
      [40, 0x200034],
      [44, 1],
    ] as const),
    // p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_flags, p_align
    ...([
      [52, 1],
      [60, base],
      [64, base],
      [68, bytes.length],
      [72, bytes.length],
      [76, 5],
      [80, 4096],
    ] as const),
  ]
  for (const [at, value] of words) bytes.writeUInt32LE(value, at)
  code.copy(bytes, 84)
  return bytes
}
