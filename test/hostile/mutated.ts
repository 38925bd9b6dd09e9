import type { SeededRandom } from '../../common/seeded-random.js'

/** A message with some bytes changed, left out, put in twice, or cut off; now and then bytes of chance alone. */
export function mutated(message: Uint8Array, random: SeededRandom): Buffer {
  const upTo = (most: number): number => Math.floor(random.next() * most)
  if (random.next() < 0.1) return Buffer.from(Array.from({ length: 1 + upTo(2000) }, () => upTo(256)))
  let bytes = Buffer.from(message)
  for (let changes = 1 + upTo(8); changes > 0 && bytes.length > 1; changes -= 1) {
    const at = upTo(bytes.length)
    switch (upTo(5)) {
      case 0:
        bytes[at] = upTo(256)
        break
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + upTo(16)))])
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + upTo(64)), bytes.subarray(at)])
        break
      case 3:
        // The largest number that there is.
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(9, 0xff), Buffer.from([1]), bytes.subarray(at + 1)])
        break
      default:
        bytes = bytes.subarray(0, at)
    }
  }
  return bytes
}
