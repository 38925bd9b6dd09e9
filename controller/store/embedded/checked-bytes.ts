import { crc32 } from 'node:zlib'

import { ByteReader, type ByteWriter } from './byte-stream.js'

/** What was written, with the checksum of all after it in its first four bytes, which the writer left free. */
export function sealed(out: ByteWriter): Buffer {
  const bytes = Buffer.from(out.finished())
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  return bytes
}

/** What follows the checksum. @throws Error that names what is damaged */
export function unsealed(bytes: Buffer, what: string): ByteReader {
  const body = bytes.subarray(4)
  if (bytes.length < 5 || crc32(body) !== bytes.readUInt32LE(0)) throw new Error(`${what} is damaged (checksum)`)
  return new ByteReader(body)
}
