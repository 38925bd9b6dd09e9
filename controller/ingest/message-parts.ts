import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/** Fields of a message that are messages, or lists of text, by their number; and theirs. */
interface Parts {
  readonly [field: number]: Parts
}

/**
 * What an agent's message is made of: proto/headroom/v1, from FromAgent down. A part of two bytes becomes an object of some
 * hundred: without a bound on their number 4 MiB of a message would become a gigabyte of memory.
 */
export const partsOfMessage: Parts = {
  // Hello: hosts with their capabilities and verbs, allow, backlog, rules of what is allowed with verbs, patterns and window; names of bulk programs.
  1: { 6: { 5: {}, 7: {} }, 7: {}, 10: {}, 14: { 1: {}, 2: {}, 3: { 1: {} } }, 16: {} },
  // Inventory: host with its disks, VMs with disks, interfaces, metadata; arrays with their devices and calibration.
  2: { 4: { 12: {} }, 5: { 5: {}, 6: {}, 10: {} }, 6: { 5: {}, 6: {} } },
  // Report: gaps, host with disks, file systems (read and not), networks, busy processes; VMs with disks, interfaces; arrays, collectors, events, agent;
  // health of storage: sources, md arrays with members, controllers with drives, disks, pools; sessions of exports.
  3: {
    7: {},
    8: { 24: {}, 25: {}, 26: {}, 28: { 2: {} }, 33: {} },
    9: { 18: {}, 19: {} },
    10: {},
    11: {},
    12: {},
    13: {},
    16: { 1: {}, 2: { 6: {} }, 3: { 7: {}, 8: {} }, 4: {}, 5: {} },
    18: { 1: {} },
  },
  // Command update: progress, verdicts; head of the audit log: its marks.
  4: { 4: {}, 9: {} },
  5: { 4: {}, 5: {} },
}

/** As many VMs as a report may have, with thirty parts each. */
const mostParts = 131_072

/**
 * Whether a message, before it is decoded, has no more parts than an honest one. @throws Error if it is no message
 */
export function hasFewParts(bytes: Uint8Array, most: number = mostParts): boolean {
  const reader = new BinaryReader(bytes)
  return countParts(reader, reader.len, partsOfMessage, most) <= most
}

/** Parts up to `end`; stops counting when there are more than `most`. */
function countParts(reader: BinaryReader, end: number, parts: Parts, most: number): number {
  let count = 0
  while (reader.pos < end && count <= most) {
    const [field, wireType] = reader.tag()
    const inner = parts[field]
    if (inner === undefined || wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, field)
      continue
    }
    const length = reader.uint32()
    const innerEnd = reader.pos + length
    if (innerEnd > end) throw new Error('a part is longer than what it is part of')
    count += 1
    if (hasParts(inner)) count += countParts(reader, innerEnd, inner, most - count)
    reader.pos = innerEnd
  }
  return count
}

function hasParts(parts: Parts): boolean {
  return Object.keys(parts).length > 0
}
