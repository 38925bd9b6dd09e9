import type { MachineFiles } from './machine-files.js'

const auxvPageSize = 6n // AT_PAGESZ of elf.h

/** Bytes in a page of the machine's memory; 4096 if the kernel does not tell. */
export async function readPageBytes(procRoot: string, files: MachineFiles): Promise<number> {
  try {
    return parsePageBytes(await files.readFile(`${procRoot}/self/auxv`)) ?? 4096
  } catch {
    // A recorded tree has no such file.
    return 4096
  }
}

/** AT_PAGESZ of /proc/self/auxv: pairs of 64-bit little-endian numbers, key and value; see getauxval(3). */
export function parsePageBytes(auxv: Buffer): number | undefined {
  for (let at = 0; at + 16 <= auxv.length; at += 16) {
    if (auxv.readBigUInt64LE(at) !== auxvPageSize) continue
    const bytes = Number(auxv.readBigUInt64LE(at + 8))
    return bytes >= 4096 && bytes <= 2 ** 20 && Number.isInteger(Math.log2(bytes)) ? bytes : undefined
  }
  return undefined
}
