/**
 * XXH64 with seed 0; zstd stores its low 32 bits as a frame's checksum. Works with 32-bit halves, since BigInt is ten times
 * slower.
 */
export class XxHash {
  // The four accumulators, as low and high halves.
  private readonly lanes = new Int32Array(8)
  private readonly rest = new Uint8Array(32)
  private readonly view = new DataView(this.rest.buffer)
  private restLength = 0
  private size = 0

  constructor() {
    this.lanes.set([...halves(prime1 + prime2), ...halves(prime2), 0, 0, ...halves(-prime1)])
  }

  add(bytes: Uint8Array): void {
    this.size += bytes.length
    let at = 0
    if (this.restLength > 0) {
      at = Math.min(32 - this.restLength, bytes.length)
      this.rest.set(bytes.subarray(0, at), this.restLength)
      this.restLength += at
      if (this.restLength < 32) return
      this.stripe(this.view, 0)
      this.restLength = 0
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (; at + 32 <= bytes.length; at += 32) this.stripe(view, at)
    this.rest.set(bytes.subarray(at))
    this.restLength = bytes.length - at
  }

  private stripe(view: DataView, at: number): void {
    const lanes = this.lanes
    for (let lane = 0; lane < 4; lane++) {
      multiply(view.getInt32(at + 8 * lane, true), view.getInt32(at + 8 * lane + 4, true), prime2Low, prime2High)
      const low = lanes[2 * lane]! + productLow
      const sumLow = low | 0
      const carry = sumLow >>> 0 < productLow >>> 0 ? 1 : 0
      const sumHigh = (lanes[2 * lane + 1]! + productHigh + carry) | 0
      multiply((sumLow << 31) | (sumHigh >>> 1), (sumHigh << 31) | (sumLow >>> 1), prime1Low, prime1High)
      lanes[2 * lane] = productLow
      lanes[2 * lane + 1] = productHigh
    }
  }

  /** Returns the low 32 bits of the hash. */
  low32(): number {
    const lane = (i: number) => (BigInt(this.lanes[2 * i + 1]! >>> 0) << 32n) | BigInt(this.lanes[2 * i]! >>> 0)
    let hash: bigint
    if (this.size < 32) {
      hash = prime5
    } else {
      hash = wrap(rotate(lane(0), 1n) + rotate(lane(1), 7n) + rotate(lane(2), 12n) + rotate(lane(3), 18n))
      for (let i = 0; i < 4; i++) hash = wrap((hash ^ round(0n, lane(i))) * prime1 + prime4)
    }
    hash = wrap(hash + BigInt(this.size))
    let at = 0
    for (; at + 8 <= this.restLength; at += 8) {
      hash = wrap(rotate(hash ^ round(0n, this.view.getBigUint64(at, true)), 27n) * prime1 + prime4)
    }
    if (at + 4 <= this.restLength) {
      hash = wrap(rotate(hash ^ wrap(BigInt(this.view.getUint32(at, true)) * prime1), 23n) * prime2 + prime3)
      at += 4
    }
    for (; at < this.restLength; at++) hash = wrap(rotate(hash ^ wrap(BigInt(this.rest[at]!) * prime5), 11n) * prime1)
    hash = wrap((hash ^ (hash >> 33n)) * prime2)
    hash = wrap((hash ^ (hash >> 29n)) * prime3)
    return Number((hash ^ (hash >> 32n)) & 0xffffffffn)
  }
}

const prime1 = 0x9e3779b185ebca87n
const prime2 = 0xc2b2ae3d27d4eb4fn
const prime3 = 0x165667b19e3779f9n
const prime4 = 0x85ebca77c2b2ae63n
const prime5 = 0x27d4eb2f165667c5n
const [prime1Low, prime1High] = halves(prime1)
const [prime2Low, prime2High] = halves(prime2)

function halves(value: bigint): readonly [number, number] {
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))]
}

function wrap(value: bigint): bigint {
  return BigInt.asUintN(64, value)
}

function rotate(value: bigint, by: bigint): bigint {
  return wrap(value << by) | (value >> (64n - by))
}

function round(lane: bigint, input: bigint): bigint {
  return wrap(rotate(wrap(lane + input * prime2), 31n) * prime1)
}

// The last product, as two numbers: returning them in an array would allocate one each time.
let productLow = 0
let productHigh = 0

function multiply(aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  const a0 = aLow & 0xffff
  const a1 = aLow >>> 16
  const b0 = bLow & 0xffff
  const b1 = bLow >>> 16
  const low = Math.imul(a0, b0)
  // None of these sums reaches 2^32, except the carry, of which only the low half counts.
  const middle = a1 * b0 + (low >>> 16)
  const middle2 = a0 * b1 + (middle & 0xffff)
  const carry = a1 * b1 + (middle >>> 16) + (middle2 >>> 16)
  productLow = (low & 0xffff) | (middle2 << 16)
  productHigh = (carry + Math.imul(aLow, bHigh) + Math.imul(aHigh, bLow)) | 0
}
