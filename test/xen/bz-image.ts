import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'

/** What Linux compresses its images with, and what unpacks it, by the first bytes. */
const unpackers = [
  { magic: '\u{fd}7zXZ\0', command: ['xz', '--decompress', '--stdout'] },
  { magic: '\u{2}\u{21}\u{4c}\u{18}', command: ['lz4', '--decompress', '--stdout'] },
] as const

/**
 * The ELF kernel in a bzImage that was compressed with xz or lz4.
 * @throws if it is no such image, or `xz` or `lz4` is missing
 */
export async function uncompressedKernel(file: string): Promise<Buffer> {
  const payload = payloadOf(await readFile(file))
  const first = payload?.toString('latin1', 0, 6) ?? ''
  const unpacker = unpackers.find(({ magic }) => first.startsWith(magic))
  if (payload === undefined || unpacker === undefined) {
    throw new Error(`${file}: expected a bzImage whose kernel is compressed with xz or lz4`)
  }
  return filtered(unpacker.command, payload)
}

/** The compressed kernel. Fields of the boot protocol 2.08 and later: Documentation/x86/boot.rst of Linux. */
export function payloadOf(image: Buffer): Buffer | undefined {
  if (image.length < 0x250 || image.toString('latin1', 0x202, 0x206) !== 'HdrS' || image.readUInt16LE(0x206) < 0x208) {
    return undefined
  }
  const setupSectors = image.readUInt8(0x1f1) || 4
  const start = (setupSectors + 1) * 512 + image.readUInt32LE(0x248)
  // Its last four bytes are the size of what is in it.
  return image.subarray(start, start + image.readUInt32LE(0x24c) - 4)
}

function filtered([program, ...words]: readonly [string, ...string[]], input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { encoding: 'buffer', maxBuffer: 512 * 2 ** 20 } as const
    const child = execFile(program, words, options, (error, stdout) => {
      if (error === null) resolve(stdout)
      else reject(error)
    })
    // What it has to say about a broken pipe it says as it ends.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}
