import { describe, expect, it } from 'vitest'

import type { InventoryObservation, ReportObservation, VmObservation } from '../model/observation.js'
import { admittedInventory, admittedReport, EntityBudget } from './entity-budget.js'

const hour = 3_600_000
const limits = { entities: 5, newEntitiesPerHour: 2 }
const names = (from: number, count: number): string[] => Array.from({ length: count }, (_, n) => `vm${from + n}`)

describe('an agent', () => {
  it('may tell of as many things as it may have, and of them again and again', () => {
    const budget = new EntityBudget(limits, 0)
    const admitted = names(0, 8).filter((name) => budget.admits(name, 0))
    expect(admitted).toEqual(names(0, 5))
    for (let at = 0; at < 1000 * hour; at += hour / 4) {
      expect(admitted.filter((name) => budget.admits(name, at))).toEqual(admitted)
    }
  })

  it('that tells of new ones all the time is let in with some an hour', () => {
    const budget = new EntityBudget({ entities: 100, newEntitiesPerHour: 2 }, 0)
    let admitted = 0
    for (let beat = 0; beat < 24 * 360; beat += 1) {
      admitted += names(beat * 10, 10).filter((name) => budget.admits(name, beat * 10_000)).length
    }
    expect(admitted).toBe(100 + 24 * 2 - 1)
  })

  it('has room again when it has not told of the former ones for an hour or two', () => {
    const budget = new EntityBudget(limits, 0)
    for (const name of names(0, 5)) budget.admits(name, 0)
    expect(names(5, 1).map((name) => budget.admits(name, hour / 2))).toEqual([false])
    expect(names(5, 3).map((name) => budget.admits(name, 3 * hour))).toEqual([true, true, true])
  })

  it('keeps what it tells of through the turn of an hour, at no cost', () => {
    const budget = new EntityBudget(limits, 0)
    for (const at of [0, hour, 2 * hour, 3 * hour]) for (const name of names(0, 5)) budget.admits(name, at)
    // Six more have come by now, as far as they fit; none of them was spent on what is known.
    for (const at of [4 * hour, 6 * hour]) budget.admits('vm0', at)
    expect(names(10, 5).filter((name) => budget.admits(name, 6 * hour))).toHaveLength(4)
  })
})

describe('what is told', () => {
  const vm = (uuid: string): VmObservation => ({
    uuid,
    runId: '',
    at: 0,
    state: 'running',
    stateReason: '',
    vcpus: 1,
    totals: {},
    levels: {},
    guestMemoryAt: undefined,
    disks: [{ target: 'vda', totals: {} }],
    nics: [{ device: 'vnet0', totals: {} }],
  })
  const report: ReportObservation = {
    spoolId: 's',
    seq: 1,
    hostId: 'h',
    bootId: '',
    at: 0,
    lane: 'state',
    gaps: [],
    host: {
      runId: '',
      totals: {},
      levels: {},
      disks: [],
      networks: [],
      fileSystems: [
        { mount: '/', device: '', type: '', sizeBytes: 1, availableBytes: 1, files: 1, filesFree: 1, readOnly: false },
      ],
      unreadFileSystems: [],
    },
    vms: [vm('a'), vm('b')],
    arrays: [{ key: 'k', runId: '', totals: {}, levels: {} }],
    collectors: [],
    events: [
      { at: 0, vmUuid: 'a', vmName: '', kind: 'started', reason: '', message: '' },
      { at: 0, vmUuid: '', vmName: '', kind: 'hypervisor-back', reason: '', message: '' },
    ],
    agent: undefined,
  }

  it('is the same object if all of it is admitted', () => {
    const asked: string[] = []
    const { told, leftOut } = admittedReport(report, (name) => {
      asked.push(name)
      return true
    })
    expect([told === report, leftOut]).toEqual([true, 0])
    expect(new Set(asked)).toEqual(new Set(['a', 'a/vda', 'a/vnet0', 'b', 'b/vda', 'b/vnet0', 'k/h', 'h//']))
  })

  it.each<[refused: string, leftOut: number, what: (told: ReportObservation) => unknown, left: unknown]>([
    ['a', 2, (told) => [told.vms.map(({ uuid }) => uuid), told.events.length], [['b'], 1]],
    [
      'b/vda',
      1,
      (told) => told.vms.map(({ disks, nics }) => [disks.length, nics.length]),
      [
        [1, 1],
        [0, 1],
      ],
    ],
    [
      'a/vnet0',
      1,
      (told) => told.vms.map(({ disks, nics }) => [disks.length, nics.length]),
      [
        [1, 0],
        [1, 1],
      ],
    ],
    ['k/h', 1, (told) => told.arrays, []],
    ['h//', 1, (told) => told.host?.fileSystems, []],
  ])('is without %s', (refused, leftOut, what, left) => {
    const admitted = admittedReport(report, (name) => name !== refused)
    expect([admitted.leftOut, what(admitted.told)]).toEqual([leftOut, left])
  })

  it('of an inventory too', () => {
    const facts = {
      name: '',
      vcpus: 1,
      memoryMaxBytes: 1,
      autostart: false,
      osType: '',
      owner: '',
      group: '',
      service: '',
      title: '',
    }
    const inventory: InventoryObservation = {
      hostId: 'h',
      revision: '',
      at: 0,
      host: {
        name: '',
        hypervisorVersion: '',
        managementVersion: '',
        os: '',
        kernel: '',
        machine: '',
        cpuModel: '',
        cpuCores: 1,
        cpuThreads: 1,
        cpuMhz: 1,
        memoryBytes: 1,
        localDisks: [],
      },
      vms: [
        { ...facts, uuid: 'a', disks: [], nics: [{ device: 'vnet0', mac: '', network: '', model: '' }] },
        { ...facts, uuid: 'b', disks: [], nics: [] },
      ],
      arrays: [{ key: 'k', name: '', kind: '', sizeBytes: undefined }],
    }
    const { told, leftOut } = admittedInventory(inventory, (name) => !['a/vnet0', 'b', 'k/h'].includes(name))
    expect([leftOut, told.vms.map(({ uuid, nics }) => [uuid, nics]), told.arrays]).toEqual([3, [['a', []]], []])
    expect(admittedInventory(inventory, () => true)).toEqual({ told: inventory, leftOut: 0 })
  })
})
