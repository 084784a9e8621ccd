const beginnings: readonly (readonly [magic: RegExp, what: string])[] = [
  [/^PK\x03\x04/, 'a zip archive'],
  [/^7z\xbc\xaf/, 'a 7z archive'],
  [/^Rar!/, 'a rar archive'],
  [/^\x7fELF/, 'a program'],
  [/^MZ/, 'a Windows program'],
  [/^(?:hsqs|sqsh)/, 'a squashfs filesystem'],
  [/^QFI\xfb/, 'a disk image of a virtual machine'],
  [/^!<arch>/, 'an ar archive or a Debian package'],
  [/^\xed\xab\xee\xdb/, 'an rpm package'],
  [/^\s*<(?:!doctype|html|\?xml)/i, 'a web page'],
  [/^\s*[[{]/, 'a JSON document'],
  [/^(?:#[^\n]*\n|\s)*FROM\s/i, 'a Dockerfile'],
  [/^\0+$/, 'nothing but zeros'],
]

/** Describes a file that is not an archive, judging by its first bytes. */
export function looksLike(head: Uint8Array): string {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1')
  const known = beginnings.find(([magic]) => magic.test(text))
  if (known !== undefined) return known[1]
  return /^[\t\n\r\x20-\x7e\x80-\xff]*$/.test(text) && !/[\x80-\xff]{4}/.test(text) ? 'text' : 'something else'
}
