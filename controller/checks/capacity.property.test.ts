import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { capacityOf } from '../../test/support/placed.js'
import { policyWith } from '../../test/support/policy-with.js'
import { buildSnapshot, hostIdOf, MiB, type HostRow, type VmRow } from '../../test/support/snapshot-builder.js'
import type { HostStatus, VmState } from '../model/snapshot.js'

const names = ['a', 'b', 'c', 'd', 'e'] as const

const host = fc.record({
  memoryMiB: fc.option(fc.integer({ min: 0, max: 65_536 }), { freq: 8 }),
  version: fc.constantFrom('1', '2'),
  status: fc.constantFrom<HostStatus>('up', 'up', 'up', 'silent', 'unreachable'),
})
const vm = fc.record({
  host: fc.constantFrom(...names),
  memoryMiB: fc.option(fc.integer({ min: 1, max: 16_384 }), { freq: 30 }),
  state: fc.constantFrom<VmState>('running', 'running', 'paused', 'shutoff', 'crashed', 'unknown'),
})
const policies = fc.record({ reserveMiB: fc.integer({ min: 0, max: 8192 }), vmMiB: fc.integer({ min: 1, max: 8192 }) })

const fleets = fc
  .record({ hosts: fc.array(host, { maxLength: names.length }), vms: fc.array(vm, { maxLength: 25 }), rules: policies })
  .map(({ hosts, vms, rules }) => ({
    hosts: hosts.map((row, index): HostRow => ({ name: names[index] ?? '', ...row })),
    vms: vms.map((row, index): VmRow => ({ name: `v${index}`, ...row })),
    policy: policyWith({ limits: { vmMemoryBytes: rules.vmMiB * MiB, hostReserveBytes: rules.reserveMiB * MiB } }),
  }))

describe('capacity of any fleet', () => {
  it('room fits, one more does not', () => {
    fc.assert(
      fc.property(fleets, ({ hosts, vms, policy }) => {
        for (const { ledger } of capacityOf(buildSnapshot({ hosts, vms }), policy).hosts) {
          const { balance } = ledger
          if ('absent' in balance) continue
          const size = policy.limits.vmMemoryBytes
          expect(balance.room).toBeGreaterThanOrEqual(0)
          expect(balance.room * size).toBeLessThanOrEqual(Math.max(0, balance.spareBytes))
          expect(balance.shortOfNextBytes).toBeGreaterThan(0)
          expect(balance.spareBytes + balance.shortOfNextBytes).toBe((balance.room + 1) * size)
        }
      }),
    )
  })

  it('the fleet has the room of its hosts that are up, and no more', () => {
    fc.assert(
      fc.property(fleets, ({ hosts, vms, policy }) => {
        const result = capacityOf(buildSnapshot({ hosts, vms }), policy)
        const up = result.hosts.filter(({ host }) => host.status === 'up')
        const sum = up.reduce((total, { ledger }) => total + ('room' in ledger.balance ? ledger.balance.room : 0), 0)
        expect(result.fleet.room).toBe(sum)
      }),
    )
  })

  it('what fits after a failure also fits by sum, and what does not is named', () => {
    fc.assert(
      fc.property(fleets, ({ hosts, vms, policy }) => {
        const result = capacityOf(buildSnapshot({ hosts, vms }), policy)
        for (const { failure } of result.hosts) {
          expect(!failure.fits || failure.neededBytes <= failure.freeBytes).toBe(true)
          expect(failure.fits).toBe(failure.unplaced.length === 0)
        }
        expect(result.fleet.survivesHostFailure).toBe(result.hosts.every(({ failure }) => failure.fits))
      }),
    )
  })

  it('what is said to fit does fit: an exhaustive search finds a place too', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 6 })
    const spares = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 3 })
    fc.assert(
      fc.property(sizes, spares, (sizes, spares) => {
        const snapshot = buildSnapshot({
          hosts: [
            { name: 'a', memoryMiB: 64 },
            ...spares.map((memoryMiB, index) => ({ name: `b${index}`, memoryMiB })),
          ],
          vms: sizes.map((memoryMiB, index) => ({ name: `v${index}`, host: 'a', memoryMiB })),
        })
        const policy = policyWith({ limits: { vmMemoryBytes: MiB, hostReserveBytes: 0 } })
        const fits = capacityOf(snapshot, policy).hosts.find(({ host }) => host.name === 'a')?.failure.fits
        expect(fits !== true || packable(sizes, spares)).toBe(true)
      }),
    )
  })

  it('names who finds no place as packing one after the other does', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 8 })
    const spares = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 4 })
    fc.assert(
      fc.property(sizes, spares, (sizes, spares) => {
        const snapshot = buildSnapshot({
          hosts: [
            { name: 'a', memoryMiB: 100 },
            ...spares.map((memoryMiB, index) => ({ name: `b${index}`, memoryMiB })),
          ],
          vms: sizes.map((memoryMiB, index) => ({ name: `v${index}`, host: 'a', memoryMiB })),
        })
        const policy = policyWith({ limits: { vmMemoryBytes: MiB, hostReserveBytes: 0 } })
        const failure = capacityOf(snapshot, policy).hosts.find(({ host }) => host.name === 'a')?.failure
        expect(failure?.unplaced).toEqual(leftByBestFit(sizes, spares))
      }),
      { numRuns: 500 },
    )
  })

  it('another running VM never makes more room, and the order of rows changes nothing', () => {
    fc.assert(
      fc.property(fleets, vm, ({ hosts, vms, policy }, extra) => {
        const before = capacityOf(buildSnapshot({ hosts, vms }), policy)
        const more = buildSnapshot({ hosts, vms: [...vms, { ...extra, name: 'extra' }] })
        const reversed = buildSnapshot({ hosts: hosts.toReversed(), vms: vms.toReversed() })
        expect(capacityOf(more, policy).fleet.room).toBeLessThanOrEqual(before.fleet.room)
        expect(capacityOf(reversed, policy).fleet).toEqual(before.fleet)
      }),
    )
  })

  it('a host id that no host has is harmless', () => {
    const snapshot = buildSnapshot({ hosts: [], vms: [{ name: 'lost', host: 'gone', memoryMiB: 1 }] })
    expect(snapshot.vms.values().next().value?.hostId).toBe(hostIdOf('gone'))
    const policy = policyWith({ limits: { vmMemoryBytes: 1, hostReserveBytes: 0 } })
    expect(capacityOf(snapshot, policy).fleet).toEqual({ room: 0, survivesHostFailure: true })
  })
})

/** The largest first, each into the smallest space that takes it. */
function leftByBestFit(sizes: readonly number[], spares: readonly number[]): string[] {
  const free = [...spares]
  const order = sizes.map((size, index) => ({ size, name: `v${index}` })).sort((a, b) => b.size - a.size)
  return order.flatMap(({ size, name }) => {
    const [smallest] = free.filter((space) => space >= size).sort((a, b) => a - b)
    if (smallest === undefined) return [name]
    free[free.indexOf(smallest)] = smallest - size
    return []
  })
}

/** Tries every way to put the sizes into the spaces. */
function packable(sizes: readonly number[], spaces: readonly number[]): boolean {
  const [size, ...rest] = sizes
  if (size === undefined) return true
  return spaces.some((space, at) => space >= size && packable(rest, spaces.with(at, space - size)))
}
