import { createHash } from 'node:crypto'

import type { HypervisorKind } from '../hypervisor.js'

/** Version 5 UUID (RFC 9562, section 5.5) of a name in a name space of the simulator's own: same parts, same UUID. */
export function uuidOf(...parts: readonly string[]): string {
  const hash = createHash('sha1').update(nameSpace).update(parts.join('/')).digest()
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = hash.toString('hex', 0, 16)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** A MAC address with the prefix that the hypervisor's tools give to guests. */
export function macOf(kind: HypervisorKind, uuid: string): string {
  const tail = createHash('sha1').update(uuid).digest()
  return [
    prefixes[kind],
    ...[...tail.subarray(0, 3)].map((byte, index) =>
      // VMware keeps the upper half of its range for addresses of its own.
      (kind === 'esxi' && index === 0 ? byte & 0x3f : byte).toString(16).padStart(2, '0'),
    ),
  ].join(':')
}

const nameSpace = Buffer.from('5f0e8d5c1c5b4d0fa0d34d1c0e1a3b77', 'hex')
const prefixes = { kvm: '52:54:00', xen: '00:16:3e', esxi: '00:50:56' } satisfies Record<HypervisorKind, string>
