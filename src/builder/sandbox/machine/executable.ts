import { ContentReader } from '../../../files/layer/index.ts'
import type { RegularFile } from '../../../files/tree/index.ts'
import { TareError } from '../../../support/index.ts'
import { architectureOf, canExecute, registeredFormats } from './architectures.ts'

const hashBang = Buffer.from('#!')

/**
 * Throws `COMMAND_REFUSED` for a file that the kernel would refuse to execute. Otherwise, one of our tools would pass it to a
 * shell, as execvp(3) does, whose error messages are useless.
 */
export function checkExecutable(program: string, file: RegularFile): void {
  if ((file.mode & 0o111) === 0)
    throw new TareError('COMMAND_REFUSED', `exec: "${program}": permission denied: the file is not executable`, {
      remedy: 'Make it executable with COPY --chmod=755 or RUN chmod +x.',
    })
  const head = headOf(file)
  const architecture = architectureOf(head)
  if (architecture !== undefined) {
    if (canExecute(architecture)) return
    throw new TareError('COMMAND_REFUSED', `exec ${program}: exec format error: the program is for ${architecture}`, {
      remedy:
        'Use the file or base image for this machine’s architecture (see --platform),\n' +
        'or register an emulator: sudo apt-get install qemu-user-static binfmt-support.',
    })
  }
  // Unknown machines are left to the kernel.
  if (head.length >= 4 && head.readUInt32BE(0) === 0x7f454c46) return
  if (head.subarray(0, 2).equals(hashBang) || registeredFormats() > 0) return
  throw new TareError('COMMAND_REFUSED', `exec ${program}: exec format error: it is neither a program nor a script`, {
    remedy:
      head.length === 0
        ? 'The file is empty.'
        : 'A script says in its first line what runs it: #!/bin/sh, for example.',
  })
}

function headOf(file: RegularFile): Buffer {
  const reader = new ContentReader()
  const head = Buffer.alloc(Math.min(file.size, 20))
  try {
    if (head.length > 0) reader.read(file.content, head, 0)
    return head
  } finally {
    reader.close()
  }
}
