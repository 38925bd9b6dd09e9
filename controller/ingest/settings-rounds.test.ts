import { expect, it, vi } from 'vitest'

import { groupBy } from '../../common/group-by.js'
import type { OpenSession, OpenSessions } from './open-sessions.js'
import { areApart, SettingsRounds } from './settings-rounds.js'
import type { Intervals } from './to-wire.js'

const slow: Intervals = { stateMs: 30_000, fastMs: 3000, blockMs: 30_000, guestMemoryMs: 90_000, inventoryMs: 60_000 }

it.each([
  ['what nobody was told yet', undefined, slow, false],
  ['the same', slow, slow, false],
  ['a little more', slow, { ...slow, stateMs: 32_999 }, false],
  ['a tenth more', slow, { ...slow, stateMs: 33_000 }, true],
  ['a tenth less of one', slow, { ...slow, fastMs: 2700 }, true],
] as const)('%s is worth telling: %#', (_what, told, present, isWorth) => {
  expect(areApart(told, present)).toBe(isWorth)
})

it('a thousand agents are told one after the other, each once', async () => {
  let clockMs = 0
  const toldAt: number[] = []
  const sessions: OpenSessions = new Map()
  for (let index = 0; index < 1000; index += 1)
    sessions.set(
      `agent-${index}`,
      standIn(() => toldAt.push(clockMs)),
    )
  let asked = 0
  const rounds = new SettingsRounds({
    sessions,
    intervals: () => {
      asked += 1
      return slow
    },
    random: () => (toldAt.length % 2 === 0 ? 0 : 1),
    wait: async (ms, signal) => {
      clockMs += ms
      // After the third round.
      if (asked === 3 && ms === 5000) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  })
  rounds.start()
  await vi.waitFor(() => expect(asked).toBe(3))
  await rounds.stop()
  expect(toldAt).toHaveLength(1000)
  expect(toldAt.at(-1)).toBeGreaterThan(19_000)
  const bySecond = groupBy(toldAt, (at) => Math.floor(at / 1000))
  expect(Math.max(...[...bySecond.values()].map(({ length }) => length))).toBeLessThan(60)
})

/** A stand-in for a stream, that hears when it is told something. */
function standIn(hear: () => void): OpenSession {
  let told = false
  return {
    agent: { id: 'a', name: 'a', enrolledAt: 0, hosts: 'any', revoked: false },
    issuerKeyHash: '',
    refusedHosts: [],
    speaksFor: () => false,
    askToRenew: () => undefined,
    end: () => undefined,
    tellIntervals: () => {
      if (told) return false
      told = true
      hear()
      return true
    },
  }
}
