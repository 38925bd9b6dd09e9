import { describe, expect, it } from 'vitest'

import { CanaryBeat, type CanaryPort, type WriteEnd } from './canary-beat.js'

/** A port whose writes end when the test says so. */
class ScriptedPort implements CanaryPort {
  begun = 0
  end: WriteEnd | undefined

  begin(): void {
    this.begun += 1
    this.end = undefined
  }

  ended(): WriteEnd | undefined {
    return this.end
  }
}

function started(): { port: ScriptedPort; beat: CanaryBeat } {
  const port = new ScriptedPort()
  return { port, beat: new CanaryBeat(port) }
}

describe('the beat of a canary', () => {
  it('tells each write once, and begins the next when it has come back', () => {
    const { port, beat } = started()
    expect(beat.beat(0)).toEqual({})
    port.end = { seconds: 0.002 }
    expect(beat.beat(1000)).toEqual({ seconds: 0.002 })
    expect(port.begun).toBe(2)
    port.end = { seconds: 0.003 }
    expect(beat.beat(2000)).toEqual({ seconds: 0.003 })
    expect(port.begun).toBe(3)
  })

  it('has never more than one write under way, and tells from two seconds on how long it has been', () => {
    const { port, beat } = started()
    beat.beat(0)
    port.end = { seconds: 0.002 }
    beat.beat(1000)
    const told = [1500, 2999, 3000, 9000, 3_600_000].map((ms) => beat.beat(ms))
    expect(told).toEqual([{}, {}, { overdueSeconds: 2 }, { overdueSeconds: 8 }, { overdueSeconds: 3599 }])
    expect(port.begun).toBe(2)
    port.end = { seconds: 3600 }
    expect(beat.beat(3_601_000)).toEqual({ seconds: 3600 })
    expect(beat.beat(3_602_000)).toEqual({})
  })

  it('does not call late what has never written: the thread may be slow to begin', () => {
    const { port, beat } = started()
    beat.beat(0)
    expect(beat.beat(60_000)).toEqual({})
    port.end = { seconds: 1 }
    expect(beat.beat(61_000)).toEqual({ seconds: 1 })
    expect(beat.beat(63_000)).toEqual({ overdueSeconds: 2 })
  })

  it('a write that failed has no time and says why until one succeeds', () => {
    const { port, beat } = started()
    beat.beat(0)
    port.end = { problem: 'EIO' }
    expect(beat.beat(1000)).toEqual({})
    expect(beat.problem).toBe('EIO')
    port.end = { seconds: 0.5 }
    expect(beat.beat(2000)).toEqual({ seconds: 0.5 })
    expect(beat.problem).toBe('')
  })
})
