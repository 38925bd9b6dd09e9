import { crc32 } from 'node:zlib'

/**
 * A segment of the spool: records one after the other, each
 *
 *     u32 length of the report | u32 CRC-32 of sequence number and report | u64 sequence number | report
 *
 * all big endian. A record that a power loss cut short, or that a disk changed, fails its length or its CRC.
 */
export interface SegmentRecord {
  readonly seq: number
  /** Where the record begins in the file. */
  readonly offset: number
  readonly report: Buffer
}

const headerBytes = 16
/** Longer than any message that goes over the wire: a length beyond it is damage. */
const maxReportBytes = 16 * 1024 * 1024

/** Bytes that a report takes in a segment. */
export function recordBytes(report: Buffer): number {
  return headerBytes + report.length
}

export function encodeRecord(seq: number, report: Buffer): Buffer {
  const record = Buffer.allocUnsafe(headerBytes + report.length)
  record.writeUInt32BE(report.length, 0)
  record.writeBigUInt64BE(BigInt(seq), 8)
  report.copy(record, headerBytes)
  record.writeUInt32BE(crc32(record.subarray(8)), 4)
  return record
}

/**
 * The records of a segment up to the first that is damaged.
 * @returns `damagedBytes`: how much of the end could not be read; 0 for a whole file
 */
export function decodeSegment(file: Buffer): {
  readonly records: readonly SegmentRecord[]
  readonly damagedBytes: number
} {
  const records: SegmentRecord[] = []
  let offset = 0
  while (offset < file.length) {
    if (offset + headerBytes > file.length) break
    const length = file.readUInt32BE(offset)
    const end = offset + headerBytes + length
    if (length > maxReportBytes || end > file.length) break
    if (crc32(file.subarray(offset + 8, end)) !== file.readUInt32BE(offset + 4)) break
    const seq = Number(file.readBigUInt64BE(offset + 8))
    records.push({ seq, offset, report: file.subarray(offset + headerBytes, end) })
    offset = end
  }
  return { records, damagedBytes: file.length - offset }
}
