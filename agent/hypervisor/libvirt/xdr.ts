/** XDR (RFC 4506) as far as libvirt's protocol uses it: big endian, everything padded to four bytes. */

/** What was received is not what the protocol says. The connection it came from cannot be trusted any more. */
export class XdrError extends Error {
  override readonly name = 'XdrError'
}

/** libvirt's REMOTE_STRING_MAX. */
export const stringMax = 4_194_304

/** Reads values one after the other. Every length is checked against what is there before anything is allocated. */
export class XdrReader {
  #offset = 0

  constructor(private readonly bytes: Buffer) {}

  get remaining(): number {
    return this.bytes.length - this.#offset
  }

  int(): number {
    return this.bytes.readInt32BE(this.#take(4))
  }

  uint(): number {
    return this.bytes.readUInt32BE(this.#take(4))
  }

  bool(): boolean {
    return this.int() !== 0
  }

  hyper(): bigint {
    return this.bytes.readBigInt64BE(this.#take(8))
  }

  unsignedHyper(): bigint {
    return this.bytes.readBigUInt64BE(this.#take(8))
  }

  double(): number {
    return this.bytes.readDoubleBE(this.#take(8))
  }

  /** A view, not a copy. */
  opaque(length: number): Buffer {
    const start = this.#take(length)
    this.#skipPadding(length)
    return this.bytes.subarray(start, start + length)
  }

  string(max: number = stringMax): string {
    const length = this.uint()
    if (length > max) throw new XdrError(`a string of ${length} bytes, at most ${max} are allowed`)
    const start = this.#take(length)
    this.#skipPadding(length)
    return this.bytes.toString('utf8', start, start + length)
  }

  optional<T>(read: (reader: XdrReader) => T): T | undefined {
    return this.bool() ? read(this) : undefined
  }

  /** @param itemBytes the least that one item takes, so that a count cannot promise more than there is */
  array<T>(max: number, itemBytes: number, read: (reader: XdrReader) => T): T[] {
    const count = this.uint()
    if (count > max) throw new XdrError(`a list of ${count} items, at most ${max} are allowed`)
    if (count * itemBytes > this.remaining) throw new XdrError(`a list of ${count} items in ${this.remaining} bytes`)
    const items: T[] = []
    for (let index = 0; index < count; index += 1) items.push(read(this))
    return items
  }

  #take(length: number): number {
    if (length > this.remaining) throw new XdrError(`${length} bytes wanted, ${this.remaining} left`)
    const start = this.#offset
    this.#offset += length
    return start
  }

  #skipPadding(length: number): void {
    this.#take((4 - (length % 4)) % 4)
  }
}

/** Puts values one after the other. */
export class XdrWriter {
  readonly #parts: Buffer[] = []

  int(value: number): this {
    const part = Buffer.allocUnsafe(4)
    part.writeInt32BE(value)
    return this.#add(part)
  }

  uint(value: number): this {
    const part = Buffer.allocUnsafe(4)
    part.writeUInt32BE(value)
    return this.#add(part)
  }

  bool(value: boolean): this {
    return this.uint(value ? 1 : 0)
  }

  hyper(value: bigint): this {
    const part = Buffer.allocUnsafe(8)
    part.writeBigInt64BE(value)
    return this.#add(part)
  }

  unsignedHyper(value: bigint): this {
    const part = Buffer.allocUnsafe(8)
    part.writeBigUInt64BE(value)
    return this.#add(part)
  }

  double(value: number): this {
    const part = Buffer.allocUnsafe(8)
    part.writeDoubleBE(value)
    return this.#add(part)
  }

  opaque(bytes: Uint8Array): this {
    const padded = Buffer.alloc(Math.ceil(bytes.length / 4) * 4)
    padded.set(bytes)
    return this.#add(padded)
  }

  string(text: string): this {
    const bytes = Buffer.from(text, 'utf8')
    return this.uint(bytes.length).opaque(bytes)
  }

  optional<T>(value: T | undefined, write: (writer: this, value: T) => void): this {
    this.bool(value !== undefined)
    if (value !== undefined) write(this, value)
    return this
  }

  array<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.uint(items.length)
    for (const item of items) write(this, item)
    return this
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #add(part: Buffer): this {
    this.#parts.push(part)
    return this
  }
}

/** A 64-bit counter as a number: exact to 2^53, which bytes and requests never reach. */
export function toNumber(value: bigint): number {
  return Number(value)
}

/** Nanoseconds as seconds. A counter of nanoseconds passes 2^53 after 104 days of CPU time: split it then. */
export function nanosecondsToSeconds(value: bigint): number {
  if (value <= Number.MAX_SAFE_INTEGER) return Number(value) / 1e9
  return Number(value / 1_000_000_000n) + Number(value % 1_000_000_000n) / 1e9
}
