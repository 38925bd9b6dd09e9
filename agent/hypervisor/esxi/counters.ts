import { child, childText, children, type XmlElement } from '../libvirt/xml.js'
import { readObjects } from './properties.js'
import type { Invoke, ServiceContent } from './session.js'
import { textAt, wholeNumber } from './soap-message.js'

/** Ids of counters by `group.name.rollup`. Each server numbers them in its own way. */
export type CounterIds = ReadonlyMap<string, number>

/** Reads the server's list of counters. */
export async function readCounters(invoke: Invoke, content: ServiceContent): Promise<CounterIds> {
  const { type, id } = content.perfManager
  const [manager] = await readObjects(invoke, content, { type, paths: ['perfCounter'], ids: [id] })
  return countersIn(manager?.properties.get('perfCounter'))
}

/** @param list an ArrayOfPerfCounterInfo */
export function countersIn(list: XmlElement | undefined): CounterIds {
  const ids = new Map<string, number>()
  for (const info of children(list, 'PerfCounterInfo')) {
    const key = wholeNumber(childText(info, 'key'))
    const group = textAt(child(info, 'groupInfo'), 'key')
    const name = textAt(child(info, 'nameInfo'), 'key')
    const rollup = childText(info, 'rollupType')
    if (key === undefined || group === undefined || name === undefined || rollup === undefined) continue
    ids.set(`${group}.${name}.${rollup}`, key)
  }
  return ids
}

/** Of a VM as a whole. */
export const vmCounters = [
  'cpu.used.summation',
  /** Where the former is not counted. */
  'cpu.usage.average',
  'cpu.ready.summation',
  'mem.consumed.average',
  'mem.active.average',
  'mem.vmmemctl.average',
  'mem.swapped.average',
] as const

/** Of each virtual disk; the instance is `scsi0:0`. */
export const diskCounters = [
  'virtualDisk.read.average',
  'virtualDisk.write.average',
  'virtualDisk.numberReadAveraged.average',
  'virtualDisk.numberWriteAveraged.average',
  'virtualDisk.totalReadLatency.average',
  'virtualDisk.totalWriteLatency.average',
] as const

/** Of each network interface of a VM; the instance is the device's key, `4000`. No more than is stored: many VMs have many. */
export const nicCounters = ['net.received.average', 'net.transmitted.average'] as const

/** Of a host as a whole. */
export const hostCounters = [
  'cpu.usage.average',
  'mem.consumed.average',
  'mem.swapinRate.average',
  'mem.swapoutRate.average',
  'sys.uptime.latest',
] as const

/** Of each physical interface of a host; the instance is `vmnic0`. */
export const hostNicCounters = [
  ...nicCounters,
  'net.packetsRx.summation',
  'net.packetsTx.summation',
  'net.droppedRx.summation',
  'net.droppedTx.summation',
  'net.errorsRx.summation',
  'net.errorsTx.summation',
] as const

/** Of each datastore of a host; the instance is the last part of the datastore's URL. */
export const datastoreCounters = [
  'datastore.read.average',
  'datastore.write.average',
  'datastore.numberReadAveraged.average',
  'datastore.numberWriteAveraged.average',
  'datastore.totalReadLatency.average',
  'datastore.totalWriteLatency.average',
] as const

export const allCounters = [
  ...vmCounters,
  ...diskCounters,
  ...hostCounters,
  ...hostNicCounters,
  ...datastoreCounters,
] as const

export type CounterName = (typeof allCounters)[number]
