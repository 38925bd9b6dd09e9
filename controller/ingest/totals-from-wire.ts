import type {
  ArraySample,
  DiskSample,
  HostDiskSample,
  NetworkSample,
  NicSample,
} from '../../proto/gen/headroom/v1/report.js'
import type { ArrayObservation, NicObservation, Totals } from '../model/observation.js'
import type { WriteCache } from '../model/snapshot.js'
import type { FieldCheck } from './field-check.js'

/** Totals of a disk of a VM, a disk of a host or an array; what was not read is left out. */
export function ioTotals(io: DiskSample | HostDiskSample | ArraySample, check: FieldCheck): Totals {
  return check.numbers({
    readRequests: check.count('disk.read_requests', io.readRequests),
    readBytes: check.count('disk.read_bytes', io.readBytes),
    readSeconds: check.real('disk.read_seconds', io.readSeconds),
    writeRequests: check.count('disk.write_requests', io.writeRequests),
    writeBytes: check.count('disk.write_bytes', io.writeBytes),
    writeSeconds: check.real('disk.write_seconds', io.writeSeconds),
    flushRequests: 'flushRequests' in io ? check.count('disk.flush_requests', io.flushRequests) : undefined,
    flushSeconds: 'flushSeconds' in io ? check.real('disk.flush_seconds', io.flushSeconds) : undefined,
    outOfSlots: 'outOfSlots' in io ? check.count('disk.out_of_slots', io.outOfSlots) : undefined,
    ...('deviceReadRequests' in io ? deviceTotals(io, check) : {}),
    busySeconds: 'busySeconds' in io ? check.real('disk.busy_seconds', io.busySeconds) : undefined,
  })
}

function deviceTotals(disk: DiskSample, check: FieldCheck): Record<string, number | undefined> {
  return {
    deviceReadRequests: check.count('disk.device_read_requests', disk.deviceReadRequests),
    deviceReadSeconds: check.real('disk.device_read_seconds', disk.deviceReadSeconds),
    deviceWriteRequests: check.count('disk.device_write_requests', disk.deviceWriteRequests),
    deviceWriteSeconds: check.real('disk.device_write_seconds', disk.deviceWriteSeconds),
  }
}

/** Interfaces by their device. */
export function networksFromWire(
  list: readonly (NicSample | NetworkSample)[],
  check: FieldCheck,
): readonly NicObservation[] {
  return check.unique(
    'nic.device',
    list.flatMap((nic) => networkFromWire(nic, check)),
    (nic) => nic.device,
  )
}

function networkFromWire(nic: NicSample | NetworkSample, check: FieldCheck): NicObservation[] {
  const device = check.key('nic.device', nic.device, 64)
  if (device === undefined) return []
  const totals = check.numbers({
    receiveBytes: check.count('nic.receive_bytes', nic.receiveBytes),
    receivePackets: check.count('nic.receive_packets', nic.receivePackets),
    receiveErrors: check.count('nic.receive_errors', nic.receiveErrors),
    receiveDrops: check.count('nic.receive_drops', nic.receiveDrops),
    transmitBytes: check.count('nic.transmit_bytes', nic.transmitBytes),
    transmitPackets: check.count('nic.transmit_packets', nic.transmitPackets),
    transmitErrors: check.count('nic.transmit_errors', nic.transmitErrors),
    transmitDrops: check.count('nic.transmit_drops', nic.transmitDrops),
  })
  return [{ device, totals }]
}

/** @returns nothing if it has no key */
export function arrayFromWire(array: ArraySample, check: FieldCheck): ArrayObservation[] {
  const key = check.key('array.key', array.key, 384)
  if (key === undefined) return []
  const canarySeconds = check.real('array.canary_seconds', array.canarySeconds, longestSeconds)
  const overdueSeconds = check.real('array.canary_overdue_seconds', array.canaryOverdueSeconds, longestSeconds)
  return [
    {
      key,
      runId: check.text('array.run_id', array.runId, 1024),
      writeCache: writeCacheFromWire(array.writeCache, check),
      totals: ioTotals(array, check),
      levels: check.numbers({
        stripeCacheFraction: stripeCacheOf(array, check),
        inFlight: check.count('array.in_flight', array.inFlight),
        canaryMs: canarySeconds === undefined ? undefined : canarySeconds * 1000,
        canaryOverdueMs: overdueSeconds === undefined ? undefined : overdueSeconds * 1000,
      }),
    },
  ]
}

/** More may be active than there can be, while it is made smaller. */
function stripeCacheOf({ stripeCacheActive, stripeCacheSize }: ArraySample, check: FieldCheck): number | undefined {
  if (stripeCacheActive === undefined || stripeCacheSize === undefined) return undefined
  if (stripeCacheSize === 0) return check.refuse('array.stripe_cache_size')
  return Math.min(1, stripeCacheActive / stripeCacheSize)
}

/** No write waits for longer than a machine runs. */
const longestSeconds = 10 * 366 * 86_400

const writeCaches: ReadonlyMap<string, WriteCache | undefined> = new Map([
  ['', undefined],
  ['yes', 'write-back'],
  // There is none: it goes to the disks as with one that is switched off.
  ['no', 'write-through'],
  ['write-through', 'write-through'],
])

function writeCacheFromWire(word: string, check: FieldCheck): WriteCache | undefined {
  return writeCaches.has(word) ? writeCaches.get(word) : check.refuse('array.write_cache')
}
