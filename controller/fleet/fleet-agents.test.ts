import { beforeEach, describe, expect, it } from 'vitest'

import type { AgentHealth, FleetInput, HostHello } from '../model/observation.js'
import type { AgentState } from '../model/snapshot.js'
import { Fleet } from './fleet.js'

const t0 = 1_700_000_000_000

let fleet: Fleet
let seq = 0

beforeEach(() => {
  fleet = new Fleet()
  seq = 0
})

function hello(hostId: string): HostHello {
  return { hostId, name: hostId, kind: 'kvm', bootId: 'boot', simulated: false, capabilities: [] }
}

function connect(agentId: string, hostIds: readonly string[], more: { readonly droppedReports?: number } = {}): void {
  const hosts = hostIds.map((hostId) => hello(hostId))
  const base = { type: 'agent-connected', agentId, name: agentId, version: '1', hosts, clockOffsetMs: 0 } as const
  fleet.apply({ ...base, ...more }, t0)
}

function report(agentId: string, hostId: string, agent: AgentHealth | undefined): void {
  seq += 1
  const part = { gaps: [], host: undefined, vms: [], arrays: [], collectors: [], events: [], agent }
  const input: FleetInput = {
    type: 'report',
    agentId,
    report: { spoolId: 's', seq, hostId, bootId: 'boot', at: t0, lane: 'state', ...part },
  }
  fleet.apply(input, t0)
}

function agent(id: string): AgentState | undefined {
  return fleet.snapshot().agents.get(id)
}

const health: AgentHealth = { cpuSeconds: 3, rssBytes: 5e7, spoolReports: 2, droppedReports: 4, skippedTicks: 1 }

describe('an agent that is revoked', () => {
  it('is away no more: it leaves the fleet with its hosts, and what its session still says is not heard', () => {
    connect('a', ['h1', 'h2'])
    connect('b', ['h3'])
    fleet.apply({ type: 'agent-revoked', agentId: 'a' }, t0)
    const left = (): unknown => {
      const { agents, hosts } = fleet.snapshot()
      return [[...agents.keys()], [...hosts.keys()]]
    }
    expect(left()).toEqual([['b'], ['h3']])
    report('a', 'h1', health)
    connect('a', ['h1'])
    fleet.apply({ type: 'agent-disconnected', agentId: 'a' }, t0)
    expect(left()).toEqual([['b'], ['h3']])
  })

  it('leaves the hosts that another speaks for by now', () => {
    connect('a', ['h1', 'h2'])
    connect('b', ['h2'])
    fleet.apply({ type: 'agent-revoked', agentId: 'a' }, t0)
    expect([...fleet.snapshot().hosts.keys()]).toEqual(['h2'])
    report('b', 'h2', health)
    expect(fleet.snapshot().hosts.get('h2')?.status).toBe('up')
  })

  it('nobody has heard of changes nothing', () => {
    connect('b', ['h3'])
    const { revision } = fleet.snapshot()
    fleet.apply({ type: 'agent-revoked', agentId: 'a' }, t0)
    expect(fleet.snapshot().revision).toBe(revision)
  })
})

describe('what an agent says of itself', () => {
  it('stays until it says something else, over its sessions', () => {
    connect('a', ['h1'])
    report('a', 'h1', health)
    const told = agent('a')
    expect(told).toMatchObject(health)
    connect('a', ['h1'])
    expect(agent('a')).toEqual(told)
    fleet.apply({ type: 'agent-disconnected', agentId: 'a' }, t0)
    connect('a', ['h1'])
    expect(agent('a')).toEqual(told)
  })

  it.each([
    { what: 'the hello of one that has dropped more', hello: 6, report: 6, shown: [6, 6] },
    { what: 'a report that waited since before', hello: 6, report: 5, shown: [6, 6] },
    { what: 'a report after more were dropped', hello: 6, report: 7, shown: [6, 7] },
    { what: 'a new life', hello: 0, report: 1, shown: [0, 1] },
  ])('counts drops that never become fewer while it lives: $what', ({ hello: said, report: droppedReports, shown }) => {
    connect('a', ['h1'])
    report('a', 'h1', health)
    connect('a', ['h1'], { droppedReports: said })
    const first = agent('a')?.droppedReports
    report('a', 'h1', { ...health, droppedReports })
    expect([first, agent('a')?.droppedReports]).toEqual(shown)
  })
})
