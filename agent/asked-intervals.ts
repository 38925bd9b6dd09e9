import type { AskedIntervals } from './report/uplink.js'
import type { Intervals } from './schedule/host-loop.js'

/**
 * What a controller may ask for, milliseconds, from and to: whatever it says, or whoever it is, it neither makes an agent wear its
 * hypervisor out nor silences it. The most is what controllers of this version hand out.
 */
const bounds: Readonly<Record<keyof Intervals, readonly [least: number, most: number]>> = {
  stateMs: [1000, 300_000],
  fastMs: [500, 60_000],
  blockMs: [500, 300_000],
  guestMemoryMs: [1000, 600_000],
  inventoryMs: [1000, 3_600_000],
}

/** The intervals with those that the controller asks for, as far as they are within bounds. */
export function withAsked(present: Intervals, asked: AskedIntervals): Intervals {
  const within = (name: keyof Intervals): number => {
    const [least, most] = bounds[name]
    const ms = asked[name]
    return ms === undefined || Number.isNaN(ms) ? present[name] : Math.min(most, Math.max(least, ms))
  }
  return {
    stateMs: within('stateMs'),
    fastMs: within('fastMs'),
    blockMs: within('blockMs'),
    guestMemoryMs: within('guestMemoryMs'),
    inventoryMs: within('inventoryMs'),
  }
}

export function areAlike(a: Intervals, b: Intervals): boolean {
  return (
    a.stateMs === b.stateMs &&
    a.fastMs === b.fastMs &&
    a.blockMs === b.blockMs &&
    a.guestMemoryMs === b.guestMemoryMs &&
    a.inventoryMs === b.inventoryMs
  )
}
