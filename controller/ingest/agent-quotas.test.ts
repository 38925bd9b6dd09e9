import { expect, it } from 'vitest'

import { AgentQuotas, defaultAgentLimits } from './agent-quotas.js'

function quotas(): { readonly quotas: AgentQuotas; at: number } {
  const clock = { at: 0 }
  const made = new AgentQuotas({ ...defaultAgentLimits, reportsPerSecond: 10, bytesPerSecond: 1000 }, () => clock.at)
  return Object.assign(clock, { quotas: made })
}

it.each<[what: string, messages: number, kind: 'report' | 'facts', bytes: number, waitMs: number]>([
  ['a burst of reports', 100, 'report', 1, 0],
  ['one more than that', 101, 'report', 1, 100],
  ['as many hellos as reports of the same cost', 5, 'facts', 1, 0],
  ['a hello more', 6, 'facts', 1, 2000],
  ['a burst of bytes', 1, 'report', 8000, 0],
  ['twice that', 2, 'report', 8000, 8000],
])('%s', (_what, messages, kind, bytes, waitMs) => {
  const { quotas: made } = quotas()
  const waits = Array.from({ length: messages }, () => made.said('a', kind, bytes))
  expect([waits.at(-1), made.said('b', 'report', 1)]).toEqual([waitMs, 0])
})

it('who waits as told may say as much as the rate for ever', () => {
  const world = quotas()
  for (let n = 0; n < 200; n += 1) world.at += world.quotas.said('a', 'report', 1)
  const before = world.at
  for (let n = 0; n < 1000; n += 1) world.at += world.quotas.said('a', 'report', 1)
  expect(world.at - before).toBe(100_000)
})

it('an agent may tell of so many events, and begin so many spools', () => {
  const world = quotas()
  const { quotas: made } = world
  expect([made.mayTell('a', 5000), made.mayTell('a', 1), made.mayTell('a', 0), made.mayTell('b', 1)]).toEqual([
    true,
    false,
    true,
    true,
  ])
  for (let n = 0; n < 512; n += 1) made.mayBeginSpool('a')
  expect([made.mayBeginSpool('a'), made.mayBeginSpool('b')]).toEqual([false, true])
  world.at = 60_000
  expect([made.mayTell('a', 60), made.mayBeginSpool('a')]).toEqual([true, true])
})

it('keeps what an agent has told of over its sessions', () => {
  const { quotas: made } = quotas()
  const first = made.admitted('a')
  for (let n = 0; n < defaultAgentLimits.entities; n += 1) first(`vm${n}`)
  const second = made.admitted('a')
  expect([second('vm0'), second('another'), made.admitted('b')('another')]).toEqual([true, false, true])
})
