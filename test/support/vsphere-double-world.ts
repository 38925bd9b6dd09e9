import { createHash } from 'node:crypto'

/**
 * What the vSphere double tells, written by hand: a host or several, VMs, one iSCSI LUN, one NFS export, and counters that are
 * pure functions of entity, counter, instance and interval, so that a test can work out what must arrive.
 */

export interface DoubleVm {
  readonly id: string
  readonly name: string
  readonly instanceUuid: string
  readonly biosUuid: string
  hostId: string
  power: 'poweredOn' | 'poweredOff' | 'suspended'
  /** On the server's clock. */
  bootedAtMs: number
  changeVersion: number
  readonly disks: string[]
}

export interface DoubleHost {
  readonly id: string
  readonly name: string
  readonly uuid: string
}

export interface DoubleWorld {
  readonly hosts: readonly DoubleHost[]
  readonly vms: DoubleVm[]
  readonly datastores: readonly { readonly id: string; readonly name: string; readonly instance: string }[]
}

export const doubleIntervalMs = 20_000
/** Real-time samples are kept for an hour. */
const keptMs = 3_600_000

function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

export function makeWorld({
  hosts,
  vms,
  nowMs,
}: {
  readonly hosts: number
  readonly vms: number
  readonly nowMs: number
}): DoubleWorld {
  const hostList = Array.from({ length: hosts }, (_, index) => ({
    id: hosts === 1 ? 'ha-host' : `host-${index + 1}`,
    name: `esxi${index + 1}.example`,
    uuid: uuidOf(`host ${index}`),
  }))
  return {
    hosts: hostList,
    vms: Array.from({ length: vms }, (_, index) => ({
      id: `vm-${index + 1}`,
      name: `vm & ${index + 1}`,
      instanceUuid: uuidOf(`vm ${index}`),
      biosUuid: uuidOf(`bios ${index}`),
      hostId: hostList[index % hosts]?.id ?? '',
      power: 'poweredOn' as const,
      bootedAtMs: nowMs - 86_400_000,
      changeVersion: 1,
      disks: ['scsi0:0', 'scsi0:1'],
    })),
    datastores: [
      { id: 'datastore-1', name: 'lun-one', instance: '4f1a2b3c-0a0b0c0d-1111-001122334455' },
      { id: 'datastore-2', name: 'export', instance: '9d8c7b6a-0e0f1011' },
    ],
  }
}

/** Name, rollup and unit of the counters, in this double's own numbers. */
export const doubleCounters: readonly (readonly [group: string, name: string, rollup: string, mostValue: number])[] = [
  ['cpu', 'usage', 'average', 10_000],
  ['cpu', 'used', 'summation', 40_000],
  ['cpu', 'ready', 'summation', 5000],
  ['mem', 'consumed', 'average', 4_000_000],
  ['mem', 'active', 'average', 1_000_000],
  ['mem', 'vmmemctl', 'average', 50_000],
  ['mem', 'swapped', 'average', 1000],
  ['mem', 'swapinRate', 'average', 10],
  ['mem', 'swapoutRate', 'average', 10],
  ['sys', 'uptime', 'latest', 1_000_000],
  ...['virtualDisk', 'datastore'].flatMap((group) => [
    [group, 'read', 'average', 5000] as const,
    [group, 'write', 'average', 5000] as const,
    [group, 'numberReadAveraged', 'average', 200] as const,
    [group, 'numberWriteAveraged', 'average', 200] as const,
    [group, 'totalReadLatency', 'average', 30] as const,
    [group, 'totalWriteLatency', 'average', 30] as const,
  ]),
  ['net', 'received', 'average', 1000],
  ['net', 'transmitted', 'average', 1000],
  ['net', 'packetsRx', 'summation', 5000],
  ['net', 'packetsTx', 'summation', 5000],
  ['net', 'droppedRx', 'summation', 5],
  ['net', 'droppedTx', 'summation', 5],
  ['net', 'errorsRx', 'summation', 5],
  ['net', 'errorsTx', 'summation', 5],
]

/** What is never 0 of anything that runs. */
const neverZero: ReadonlySet<string> = new Set(['mem.consumed.average', 'sys.uptime.latest'])

/** What a counter shows for the interval that ended at `endMs`: a quarter of all values is 0, where they can be. */
export function counterValue(entityId: string, counter: string, instance: string, endMs: number): number {
  const most = doubleCounters.find(([group, name, rollup]) => `${group}.${name}.${rollup}` === counter)?.[3] ?? 0
  // FNV-1a: cheap, as there are many.
  let hash = 0x81_1c_9d_c5
  for (const code of `${entityId}|${counter}|${instance}|${endMs / doubleIntervalMs}`) {
    hash = Math.imul(hash ^ (code.codePointAt(0) ?? 0), 0x01_00_01_93)
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c_1b_3c_6d) >>> 0
  if (neverZero.has(counter)) return 1 + ((hash >>> 3) % most)
  return hash % 4 === 0 ? 0 : (hash >>> 3) % (most + 1)
}

/** The ends of the intervals in (after, until] that exist at `nowMs`, oldest first. */
export function intervalEnds({
  afterMs,
  untilMs,
  nowMs,
  bootedAtMs = 0,
}: {
  readonly afterMs: number
  readonly untilMs: number
  readonly nowMs: number
  readonly bootedAtMs?: number
}): number[] {
  const last = Math.min(untilMs, nowMs)
  const ends: number[] = []
  const from = Math.max(afterMs, nowMs - keptMs, bootedAtMs)
  for (let end = Math.floor(last / doubleIntervalMs) * doubleIntervalMs; end > from; end -= doubleIntervalMs)
    ends.unshift(end)
  return ends
}
