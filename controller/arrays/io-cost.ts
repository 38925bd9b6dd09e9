/** What was done in a second; bytes and requests. */
export interface IoRates {
  readonly readBytes: number
  readonly writeBytes: number
  readonly readRequests: number
  readonly writeRequests: number
}

/** Disks transfer about this much in the time that they take to get to another place. */
const positioningBytes = 64 * 1024

/** Hardly any read that moves the heads is faster. */
const positioningMs = 2

/** Beside the write itself: old data and old parity are read, and parity is written. */
const extraOfSmallWrite = 3

/**
 * What the disks could have written in large pieces meanwhile, in bytes a second: the size of what somebody does, as an array feels it. Each
 * request costs a positioning, and a write that is smaller than a stripe costs four on RAID 5 (Patterson, Gibson, Katz: A Case for Redundant Arrays of Inexpensive Disks, SIGMOD 1988;
 * Chen et al.: RAID: High-Performance, Reliable Secondary Storage, ACM Computing Surveys 1994). Reads cost, as they keep the disks from destaging; those
 * that are answered sooner than a disk can turn (Ruemmler, Wilkes: An introduction to disk drive modeling, IEEE Computer 1994) come from memory and cost the less.
 */
export function costOf(
  { readBytes, writeBytes, readRequests, writeRequests }: IoRates,
  readMs: number = positioningMs,
): number {
  const writeSize = writeRequests > 0 ? writeBytes / writeRequests : positioningBytes
  const positionings = 1 + (extraOfSmallWrite * positioningBytes) / (positioningBytes + Math.max(0, writeSize))
  const fromDisks = Math.min(1, (readMs / positioningMs) ** 2)
  return (
    fromDisks * (readBytes + positioningBytes * readRequests) +
    writeBytes +
    positioningBytes * positionings * writeRequests
  )
}
