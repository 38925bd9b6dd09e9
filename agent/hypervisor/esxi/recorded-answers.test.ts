import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { child, childText, children, type XmlElement } from '../libvirt/xml.js'
import { countersIn, diskCounters, hostCounters, hostNicCounters, vmCounters } from './counters.js'
import { hardwareIn } from './device-facts.js'
import { metricKey, samplesIn } from './perf-query.js'
import { entitiesIn } from './perf-text.js'
import { readReply } from './soap-message.js'

// Answers recorded from govmomi's simulator.

function recordedText(server: 'esx' | 'vpx', name: string): string {
  return readFileSync(new URL(`../../../test/fixtures/vsphere/vcsim-${server}/${name}.xml`, import.meta.url), 'utf8')
}

function recorded(server: 'esx' | 'vpx', name: string, method: string): readonly XmlElement[] {
  return readReply(method, recordedText(server, name))
}

/** A property of the objects of one type. */
function property(objects: readonly XmlElement[], type: string, name: string): XmlElement[] {
  return objects
    .filter((object) => child(object, 'obj')?.attributes.get('type') === type)
    .flatMap((object) => children(object, 'propSet'))
    .flatMap((set) => (childText(set, 'name') === name ? (child(set, 'val') ?? []) : []))
}

function countersOf(server: 'esx' | 'vpx'): ReturnType<typeof countersIn> {
  return countersIn(
    property(recorded(server, 'perfCounter', 'RetrieveProperties'), 'PerformanceManager', 'perfCounter')[0],
  )
}

describe.each(['esx', 'vpx'] as const)('a recorded %s', (server) => {
  it('has all counters that are read, but for what only one of them counts', () => {
    const counters = countersOf(server)
    const wanted = [...vmCounters, ...diskCounters, ...hostCounters, ...hostNicCounters]
    expect(wanted.filter((name) => !counters.has(name))).toEqual([])
  })

  it('numbers its counters in its own way', () => {
    expect(countersOf(server).get('cpu.usage.average')).toBe(server === 'esx' ? 1 : 2)
  })

  it('tells samples newest first and leaves zeros out; they are put in order, and an empty series is 0', () => {
    const counters = countersOf(server)
    const [host] = samplesIn(entitiesIn(recordedText(server, 'QueryPerf-HostSystem')), counters)
    const times = host?.samples.map(({ atMs }) => atMs) ?? []
    expect(times.length).toBe(3)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(host?.samples.every(({ values }) => (values.get(metricKey('cpu.usage.average', '')) ?? -1) > 0)).toBe(true)
    expect(host?.samples.map(({ values }) => values.get(metricKey('mem.vmmemctl.average', '')))).toEqual([0, 0, 0])
  })

  it('lists the hardware of its VMs', () => {
    const lists = property(
      recorded(server, 'RetrieveProperties', 'RetrieveProperties'),
      'VirtualMachine',
      'config.hardware.device',
    )
    expect(lists.length).toBeGreaterThan(0)
    for (const list of lists) {
      // Recorded as the list alone, in the type of an array.
      const device = list.children.map((one) => ({ ...one, name: 'device' }))
      const size = (name: string, text: string): XmlElement => ({ name, text, attributes: new Map(), children: [] })
      const hardware = hardwareIn({
        ...list,
        children: [size('numCPU', '1'), size('memoryMB', '32'), ...device],
      })
      expect(hardware?.disks).toMatchObject([
        { target: 'scsi0:0', bus: 'scsi', format: 'vmdk', capacityBytes: 2 ** 20 },
      ])
      expect(hardware?.nics).toMatchObject([
        { device: '4000', model: 'e1000', mac: expect.stringMatching(/^([0-9a-f]{2}:){5}/) },
      ])
    }
  })
})
