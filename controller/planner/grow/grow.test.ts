import { expect, it } from 'vitest'

import { elabSpec } from '../../../test/support/deployed-fleets.js'
import type { FleetSpec } from '../../../common/fleet-file/fleet-spec.js'
import { GiB } from '../../../common/units.js'
import { grow } from './grow.js'
import { GrowState } from './grow-state.js'
import type { GrowStep } from './grow-step.js'

const elab = elabSpec
const old = ['xenhv01', 'xenhv02', 'xenhv03', 'xenhv04']
const growth = {
  addHosts: [{ name: 'xenhv05', memoryBytes: 32 * GiB, cores: 8, role: 'core' }],
  addMemory: old.map((host) => ({ host, bytes: 8 * GiB })),
}
const { steps, left, end } = grow(elab, growth)

/** Follows the steps by its own counting; hosts and VMs as the file has them, nothing of the planner's state. */
function faults(spec: FleetSpec, all: readonly GrowStep[]): string[] {
  const memory = new Map(spec.hosts.map((host) => [host.name, host.memoryBytes]))
  const hostOf = new Map(spec.vms.map((vm) => [vm.name, vm.host]))
  const xen = new Set(spec.hosts.filter(({ kind }) => kind === 'xen').map(({ name }) => name))
  const down = new Set<string>()
  const found: string[] = []
  for (const [index, step] of all.entries()) {
    const tell = (what: string): number => found.push(`step ${index + 1} ${step.kind}: ${what}`)
    const movers = step.kind === 'move' ? [step.vm] : step.kind === 'disk-swap' ? step.vms : []
    if (step.kind === 'install-host') {
      memory.set(step.name, step.memoryBytes)
      xen.add(step.name)
    }
    if (step.kind === 'host-down') {
      down.add(step.host)
      if (down.size > 1) tell('two hosts are down')
      for (const vm of spec.vms) {
        if (hostOf.get(vm.name) !== step.host || step.waits.includes(vm.name)) continue
        tell(`${vm.name} runs there`)
      }
      if (step.waits.some((name) => spec.vms.find((vm) => vm.name === name)?.storage !== 'local'))
        tell('one waits that could move')
    }
    if (step.kind === 'host-up') down.delete(step.host)
    if (step.kind === 'add-memory') {
      if (!down.has(step.host)) tell('it is up')
      memory.set(step.host, (memory.get(step.host) ?? 0) + step.bytes)
    }
    for (const name of movers) {
      const vm = spec.vms.find((one) => one.name === name)
      const to = step.kind === 'move' || step.kind === 'disk-swap' ? step.to : ''
      if (vm === undefined || !xen.has(hostOf.get(name) ?? '') || !xen.has(to) || down.has(to))
        tell(`${name} cannot go to ${to}`)
      if (step.kind === 'move' && (step.how === 'live') === (vm?.storage === 'local')) tell(`${name} goes ${step.how}`)
      hostOf.set(name, to)
    }
    for (const [host, bytes] of memory) {
      const used = spec.vms.filter((vm) => hostOf.get(vm.name) === host).reduce((sum, vm) => sum + vm.memoryBytes, 0)
      // xenhv01 is into its reserve from the start; nothing may go there before that is mended.
      const isOver = used > bytes - spec.policy.hostReserveBytes
      if (isOver && movers.some((name) => hostOf.get(name) === host)) tell(`${host} is into its reserve`)
    }
    const sets = [...spec.services.map(({ members }) => members), ...spec.apart]
    for (const members of sets) {
      const hosts = members.map((name) => hostOf.get(name))
      if (new Set(hosts).size < hosts.length) tell(`${members.join(' and ')} meet`)
    }
  }
  return found
}

it('is allowed at every step for the elab with one host of 32 GB and 8 GB more in the old ones', () => {
  expect(left).toEqual([])
  expect(faults(elab, steps)).toEqual([])
  expect(steps.filter(({ kind }) => kind === 'add-memory')).toHaveLength(4)
})

it('goes by copies or disks where VMs are on local disk, and empties the reserve', () => {
  const kinds = steps.map((step) => (step.kind === 'move' ? step.how : step.kind))
  expect(kinds).toContain('disk-swap')
  expect(steps[0]?.kind).toBe('install-host')
  expect(end.on('xenhv03').filter(({ name }) => name !== 'panda')).toEqual([])
  for (const { name } of end.on('xenhv04'))
    expect(['personal', 'other']).toContain(elab.vms.find((vm) => vm.name === name)?.group)
})

it('can be taken up again after any step', () => {
  const state = new GrowState(elab)
  for (const step of steps) expect(state.apply(step)).toBeUndefined()
})

it('copies what takes less time than to wait for the host', () => {
  const vms = elab.vms.map((vm) => (vm.name === 'panda' ? { ...vm, memoryBytes: GiB, diskBytes: 10e9 } : vm))
  const small = grow({ ...elab, vms }, { addHosts: [], addMemory: [{ host: 'xenhv03', bytes: 8 * GiB }] })
  expect(small.steps[0]).toMatchObject({ kind: 'move', vm: 'panda', to: 'xenhv04', how: 'cold-copy' })
})

it('says which host cannot be taken down, and why', () => {
  const full = grow(elab, {
    addHosts: [],
    addMemory: [
      { host: 'xenhv04', bytes: 8 * GiB },
      { host: 'nobody', bytes: GiB },
    ],
  })
  expect(full.left.map(({ host }) => host).sort()).toEqual(['nobody', 'xenhv04'])
  expect(full.left.find(({ host }) => host === 'xenhv04')?.reason).toMatch(/finds no place: .* short on xenhv01/)
})

/** Three hosts with free slots; VMs of 1 GiB on local disk of `a`, too large to copy in less time than to wait. */
function localFleet(disksOfA: readonly number[], off: readonly string[]): FleetSpec {
  const [like, likeVm] = [elab.hosts[0], elab.vms[0]]
  if (like === undefined || likeVm === undefined) throw new Error('the elab has hosts and VMs')
  const host = { ...like, role: 'core', memoryBytes: 32 * GiB, sataSlots: 4, localDisksBytes: [500e9] }
  const vm = { ...likeVm, host: 'a', group: 'none', storage: 'local', memoryBytes: GiB, diskBytes: 200e9 }
  return {
    ...elab,
    hosts: [
      { ...host, name: 'a', localDisksBytes: disksOfA },
      { ...host, name: 'b' },
      { ...host, name: 'c' },
    ],
    vms: ['x', 'z', 'y'].map((name) => ({ ...vm, name, running: !off.includes(name) })),
    services: [],
    apart: [],
    exceptions: [],
  }
}

const memoryOfA = { addHosts: [], addMemory: [{ host: 'a', bytes: 8 * GiB }] }

it('leaves the disk of the system where it is', () => {
  const one = grow(localFleet([500e9], []), memoryOfA)
  expect(one.steps.map(({ kind }) => kind).slice(0, 3)).toEqual(['host-down', 'add-memory', 'host-up'])
  expect(grow(localFleet([], []), memoryOfA).steps[0]?.kind).toBe('host-down')
  expect(grow(localFleet([500e9, 2e12], []), memoryOfA).steps[0]).toMatchObject({ kind: 'disk-swap', disks: 1 })
})

it('takes VMs that are off along with their disks', () => {
  const { steps } = grow(localFleet([500e9, 2e12], ['y']), memoryOfA)
  expect(steps[0]).toMatchObject({ kind: 'disk-swap', from: 'a', vms: ['x', 'z', 'y'] })
  const state = new GrowState(localFleet([500e9, 2e12], ['y']))
  const without: GrowStep = { kind: 'disk-swap', from: 'a', to: 'b', vms: ['x', 'z'], disks: 1, hours: 0.5 }
  expect(state.apply(without)?.reason).toBe('y is on those disks too')
})

it('adds up memory for one host', () => {
  const twice = { addHosts: [], addMemory: [4, 4].map((size) => ({ host: 'a', bytes: size * GiB })) }
  const { steps, end } = grow(localFleet([500e9], []), twice)
  expect(steps.filter(({ kind }) => kind === 'add-memory')).toMatchObject([{ host: 'a', bytes: 8 * GiB }])
  expect(end.host('a')?.memoryBytes).toBe(40 * GiB)
})
