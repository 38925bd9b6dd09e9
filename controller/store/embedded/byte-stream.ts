const varintLimit = 2 ** 53

/** Bytes that grow as they are written, little endian. */
export class ByteWriter {
  #bytes: Buffer
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#length = this.#bytes.writeUInt16LE(value, this.#length)
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#length = this.#bytes.writeUInt32LE(value, this.#length)
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#length = this.#bytes.writeDoubleLE(value, this.#length)
  }

  /** A whole number from 0 to 2^53: seven bits a byte, lowest first. */
  varint(value: number): void {
    this.#reserve(8)
    let rest = value
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest % 128) + 128
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.#length++] = rest
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** The length of what `write` writes, then that. */
  block(write: (out: ByteWriter) => void): void {
    const inner = new ByteWriter()
    write(inner)
    this.varint(inner.length)
    this.bytes(inner.finished())
  }

  /** What was written so far. It shares the writer's memory: write no more. */
  finished(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

/** Reads what a ByteWriter wrote. Methods throw an Error if the bytes end too early. */
export class ByteReader {
  #at = 0

  constructor(readonly input: Buffer) {}

  get left(): number {
    return this.input.length - this.#at
  }

  /** Passes over bytes; returns where in the input they begin. */
  skip(count: number): number {
    return this.#take(count)
  }

  u8(): number {
    return this.input.readUInt8(this.#take(1))
  }

  u16(): number {
    return this.input.readUInt16LE(this.#take(2))
  }

  u32(): number {
    return this.input.readUInt32LE(this.#take(4))
  }

  f64(): number {
    return this.input.readDoubleLE(this.#take(8))
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.u8()
      value += (byte & 127) * scale
      if (byte < 128) return value
      scale *= 128
      if (scale > varintLimit) throw new Error('a number is damaged')
    }
  }

  bytes(length: number): Buffer {
    const from = this.#take(length)
    return this.input.subarray(from, from + length)
  }

  /** What `block` wrote. */
  block(): Buffer {
    return this.bytes(this.varint())
  }

  #take(count: number): number {
    const from = this.#at
    if (count > this.left) throw new Error('the bytes end too early')
    this.#at += count
    return from
  }
}
