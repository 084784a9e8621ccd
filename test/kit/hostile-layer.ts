/** A layer of files and links, in this order, whatever their names lead to. */
export function layerWith(entries: readonly (readonly [name: string, what: Buffer | string])[]): Buffer {
  const members = entries.flatMap(([name, what]) => {
    const size = typeof what === 'string' ? 0 : what.length
    const head = Buffer.alloc(512)
    head.write(name)
    head.write('0000644\x000000000\x000000000\0', 100)
    head.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
    head.write(`00000000000\0        ${typeof what === 'string' ? '2' : '0'}`, 136)
    if (typeof what === 'string') head.write(what, 157)
    head.write('ustar\x0000', 257)
    const sum = head.reduce((all, byte) => all + byte, 0)
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return typeof what === 'string' ? [head] : [head, what, Buffer.alloc((512 - (size % 512)) % 512)]
  })
  return Buffer.concat([...members, Buffer.alloc(1024)])
}
