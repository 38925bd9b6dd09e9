import { array, assert, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GiB, MiB } from '../../../common/units.js'
import { layoutBar } from './bar-layout.js'
import type { BarVm } from './bar-layout.js'

const vm = (name: string, memoryBytes: number, group = ''): BarVm => ({ uuid: name, name, group, memoryBytes })
const host = { memoryBytes: 8 * GiB, reserveBytes: 2 * GiB, configuredBytes: 0, vmMemoryBytes: GiB }

describe('layoutBar', () => {
  it('puts VMs first, then slots, then what is left, then the reserve', () => {
    const layout = layoutBar({ ...host, vms: [vm('panda', 2 * GiB), vm('small', 512 * MiB)] })
    expect(layout.segments.map((it) => [it.vm.name, it.start, it.width])).toEqual([
      ['panda', 0, 0.25],
      ['small', 0.25, 0.0625],
    ])
    expect(layout.slots.map((it) => it.start)).toEqual([0.3125, 0.4375, 0.5625])
    expect(layout.rest).toEqual({ start: 0.6875, width: 0.0625 })
    expect(layout.reserve).toEqual({ start: 0.75, width: 0.25 })
    expect(layout.intoReserve).toBeUndefined()
    expect(layout.beyond).toBeUndefined()
  })

  it('shows what reaches into the reserve', () => {
    const layout = layoutBar({ ...host, vms: [vm('all', 6.5 * GiB)] })
    expect(layout.intoReserve).toEqual({ start: 0.75, width: 0.0625 })
    expect(layout.slots).toEqual([])
    expect(layout.rest).toBeUndefined()
  })

  it('grows its scale when more is configured than the host has', () => {
    const layout = layoutBar({ ...host, vms: [vm('huge', 16 * GiB)] })
    expect(layout.scaleBytes).toBe(16 * GiB)
    expect(layout.reserve).toEqual({ start: 0.375, width: 0.125 })
    expect(layout.intoReserve).toEqual(layout.reserve)
    expect(layout.beyond).toEqual({ start: 0.5, width: 0.5 })
  })

  it('keeps groups together, the largest first', () => {
    const vms = [vm('c', GiB, 'x'), vm('b', GiB, 'core'), vm('d', 2 * GiB, 'x'), vm('a', GiB, 'core')]
    expect(layoutBar({ ...host, vms }).segments.map((it) => it.vm.name)).toEqual(['a', 'b', 'd', 'c'])
  })

  it('shows what the ledger counts beyond the VMs that are here', () => {
    const layout = layoutBar({ ...host, configuredBytes: 3 * GiB, vms: [vm('a', 2 * GiB)] })
    expect(layout.other).toEqual({ start: 0.25, width: 0.125 })
    expect(layout.slots[0]?.start).toBe(0.375)
  })

  it('has no reserve and no slots while the memory is not known', () => {
    const layout = layoutBar({ ...host, memoryBytes: undefined, vms: [vm('a', GiB)] })
    expect(layout).toMatchObject({ scaleBytes: GiB, slots: [], reserve: undefined, rest: undefined })
  })

  it('draws very many slots as one block', () => {
    const layout = layoutBar({ ...host, memoryBytes: 512 * GiB, vms: [] })
    expect(layout.slots).toEqual([])
    expect(layout.rest).toEqual({ start: 0, width: 510 / 512 })
  })

  it('draws nothing of nothing', () => {
    expect(layoutBar({ ...host, memoryBytes: undefined, vmMemoryBytes: undefined, vms: [] }).segments).toEqual([])
  })

  it('never leaves the bar and always fills it', () => {
    const size = integer({ min: 0, max: 2 ** 40 })
    assert(
      property(
        size,
        size,
        size,
        integer({ min: 1, max: 2 ** 36 }),
        array(size, { maxLength: 20 }),
        (m, r, c, v, sizes) => {
          const vms = sizes.map((bytes, index) => vm(`vm${index}`, bytes))
          const layout = layoutBar({ memoryBytes: m, reserveBytes: r, configuredBytes: c, vmMemoryBytes: v, vms })
          const parts = [...layout.segments, ...layout.slots, layout.other, layout.rest, layout.reserve].filter(
            (it) => it !== undefined,
          )
          for (const part of parts) {
            expect(part.start).toBeGreaterThanOrEqual(0)
            expect(part.start + part.width).toBeLessThanOrEqual(1 + 1e-9)
          }
          const total = parts.reduce((sum, it) => sum + it.width, 0) - (layout.intoReserve?.width ?? 0)
          expect(total).toBeCloseTo(m + c + sizes.reduce((a, b) => a + b, 0) > 0 ? 1 : 0, 6)
        },
      ),
    )
  })
})
