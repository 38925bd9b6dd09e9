import { describe, expect, it } from 'vitest'
import type { AgentView, ChangeView, EventView } from '../../api/views.js'
import { addEvents, applyChange, applyPoll, emptyState, eventLimit, signedOut, streamLost } from './page-state.js'

const agent = (id: string, name = id): AgentView => ({
  id,
  name,
  version: '1',
  connected: true,
  since: 0,
  hosts: [],
  spoolReports: 0,
  droppedReports: 0,
  skippedTicks: 0,
  collectors: [],
})

const change = (fields: Partial<ChangeView>): ChangeView => ({
  revision: 1,
  at: 1000,
  hosts: [],
  vms: [],
  arrays: [],
  agents: [],
  alerts: [],
  removedHosts: [],
  removedVms: [],
  removedArrays: [],
  removedAlerts: [],
  reset: false,
  ...fields,
})

const event = (at: number, kind = 'started'): EventView => ({
  at,
  hostId: 'h',
  host: 'h',
  vmUuid: 'u',
  vmName: 'mail',
  kind,
  reason: '',
  message: '',
})

describe('applyChange', () => {
  it('merges entities by key and leaves the others and untouched maps as they are', () => {
    const first = applyChange(emptyState, change({ reset: true, agents: [agent('a'), agent('b')] }), 900)
    const second = applyChange(first, change({ revision: 2, at: 2000, agents: [agent('b', 'new')] }), 1900)
    expect(second.agents.get('a')).toBe(first.agents.get('a'))
    expect(second.agents.get('b')?.name).toBe('new')
    expect(second.vms).toBe(first.vms)
    expect(first.agents.get('b')?.name).toBe('b')
    expect(second).toMatchObject({ revision: 2, dataAt: 2000, clockLeadMs: 100, connection: 'live' })
  })

  it('forgets all at a reset', () => {
    const first = applyChange(emptyState, change({ reset: true, agents: [agent('a')] }), 0)
    const second = applyChange(first, change({ reset: true, agents: [agent('b')] }), 0)
    expect([...second.agents.keys()]).toEqual(['b'])
  })

  it('takes the nearest guess of the clock: a change may be old when it comes', () => {
    const old = applyChange(emptyState, change({ reset: true, at: 1000 }), 90_000)
    expect(old.clockLeadMs).toBe(-89_000)
    const fresh = applyChange(old, change({ at: 95_000 }), 95_020)
    expect(fresh.clockLeadMs).toBe(-20)
    expect(applyChange(fresh, change({ at: 96_000 }), 96_500).clockLeadMs).toBe(-20)
  })

  it('counts a new stream at a reset and after a loss, not at each change', () => {
    const live = applyChange(emptyState, change({ reset: true }), 0)
    expect(live.streams).toBe(1)
    expect(applyChange(live, change({}), 0).streams).toBe(1)
    expect(applyChange(streamLost(live), change({}), 0).streams).toBe(2)
  })
})

describe('addEvents', () => {
  it('sorts newest first, once each', () => {
    const state = addEvents(addEvents(emptyState, [event(1), event(3)]), [event(2), event(3), event(3, 'stopped')])
    expect(state.events.map((it) => `${it.at} ${it.kind}`)).toEqual([
      '3 started',
      '3 stopped',
      '2 started',
      '1 started',
    ])
    expect(addEvents(state, [event(2)])).toBe(state)
  })

  it('keeps no more than its limit', () => {
    const many = Array.from({ length: eventLimit + 50 }, (_, at) => event(at))
    const state = addEvents(emptyState, many)
    expect(state.events).toHaveLength(eventLimit)
    expect(state.events[0]?.at).toBe(eventLimit + 49)
  })
})

describe('other steps', () => {
  it('keeps old figures when a poll fails', () => {
    const state = applyPoll(
      { ...emptyState, session: 'signed-in' },
      { fleet: undefined, capacity: undefined, problem: 'no answer in time' },
      5,
    )
    expect(state).toMatchObject({ session: 'signed-in', problem: 'no answer in time' })
  })

  it('forgets the fleet when the session ends', () => {
    const live = applyChange(emptyState, change({ reset: true, agents: [agent('a')] }), 0)
    expect(signedOut(live)).toEqual({ ...emptyState, session: 'signed-out', streams: 1 })
  })
})
