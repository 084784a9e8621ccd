import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A way to a server of this machine that is cut when as many bytes have passed, in both directions together, as it was told. */
export class CuttingProxy {
  /** `127.0.0.1:PORT` */
  host = ''
  /** Bytes so far. */
  passed = 0
  /** How often it was cut. */
  cuts = 0
  private readonly server: Server
  private readonly open = new Set<Socket>()
  private readonly next: (cuts: number) => number
  private left: number

  /** `next` says after how many more bytes it is cut: first, and after each cut. */
  private constructor(target: string, next: (cuts: number) => number) {
    const [host, port] = target.split(':') as [string, string]
    this.next = next
    this.left = next(0)
    this.server = createServer((near) => {
      const far = connect(Number(port), host)
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.open.add(from)
        from.on('data', (chunk) => this.pass(chunk, to))
        from.on('error', () => {})
        from.on('close', () => {
          this.open.delete(from)
          to.destroy()
        })
      }
    })
  }

  static async start(target: string, next: (cuts: number) => number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target, next)
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve))
    proxy.host = `127.0.0.1:${(proxy.server.address() as AddressInfo).port}`
    return proxy
  }

  stop(): void {
    this.server.close()
    for (const socket of this.open) socket.destroy()
  }

  private pass(chunk: Buffer, to: Socket): void {
    const whole = chunk.length < this.left
    const part = whole ? chunk : chunk.subarray(0, this.left)
    this.passed += part.length
    this.left -= part.length
    if (whole) {
      to.write(part)
      return
    }
    this.cuts += 1
    this.left = this.next(this.cuts)
    const cut = [...this.open]
    // What was let through still arrives; the other ends in the midst of everything.
    to.write(part, () => {
      for (const socket of cut)
        if (this.cuts % 2 === 0) socket.resetAndDestroy()
        else socket.destroy()
    })
  }
}
