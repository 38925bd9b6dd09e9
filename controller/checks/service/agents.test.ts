import { describe, expect, it } from 'vitest'

import { buildAgent } from '../../../test/support/agent-rows.js'
import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot, builtAt } from '../../../test/support/snapshot-builder.js'
import type { Finding } from '../../model/finding.js'
import { noChanges, type Increase, type RecentChanges } from '../../model/recent-changes.js'
import type { AgentState, Snapshot } from '../../model/snapshot.js'
import { fleetFindings } from '../fleet-findings.js'
import { agentLate } from './agent-late.js'
import { agentOld } from './agent-old.js'
import { agentSilent } from './agent-silent.js'
import { clockWrong } from './clock-wrong.js'
import { spoolFilling } from './spool-filling.js'

const policy = policyOf('')

function fleet(agent: Partial<AgentState>, owner = 'agent-a'): Snapshot {
  const hosts = ['a', 'b'].map((name) => ({ name, memoryMiB: 8192, more: { agentId: owner } }))
  return buildSnapshot({ hosts, vms: [], agents: [buildAgent({ hostIds: ['id-a', 'id-b'], ...agent })] })
}

/** `strength severity: message`. */
function said(findings: readonly Finding[]): string[] {
  return findings.map(({ strength, severity, message }) => `${strength} ${severity}: ${message}`)
}

describe('agent-silent', () => {
  it.each<[string, Snapshot, string[]]>([
    ['connected', fleet({}), []],
    [
      'not connected',
      fleet({ connected: false, since: builtAt - 90_000 }),
      ['raise critical: it is not connected since 2012-01-14T23:58:30Z; nobody watches a and b'],
    ],
    [
      'without hosts',
      fleet({ connected: false, hostIds: [] }),
      ['raise info: it is not connected since 2012-01-15T00:00:00Z; no host depends on it'],
    ],
    [
      'whose hosts another agent speaks for by now',
      fleet({ connected: false }, 'agent-new'),
      ['raise info: it is not connected since 2012-01-15T00:00:00Z; no host depends on it'],
    ],
  ])('of an agent %s', (_, snapshot, expected) => {
    expect(said(agentSilent(snapshot))).toEqual(expected)
  })

  it('names the VMs that nobody watches', () => {
    const snapshot = buildSnapshot({
      hosts: [{ name: 'a', memoryMiB: 8192, more: { agentId: 'agent-a' } }],
      vms: ['mail', 'auth', 'web', 'ns', 'off'].map((name) => {
        return { name, host: 'a', memoryMiB: 1024, ...(name === 'off' && { state: 'shutoff' as const }) }
      }),
      agents: [buildAgent({ hostIds: ['id-a'], connected: false })],
    })
    const [found] = agentSilent(snapshot)
    expect(found?.message).toMatch(/; nobody watches a, nor auth, mail, ns and 1 more there$/)
    expect(found?.related.map(({ subject }) => subject.name)).toEqual(['a', 'auth', 'mail', 'ns', 'web'])
  })

  it('names agent and hosts', () => {
    const [found] = agentSilent(fleet({ connected: false }))
    expect(found).toMatchObject({
      check: 'agent-silent',
      part: '',
      subject: { kind: 'agent', id: 'agent-a', name: 'a' },
    })
    expect(found?.related.map(({ role, subject }) => `${role} ${subject.name}`)).toEqual(['victim a', 'victim b'])
  })
})

describe('clock-wrong', () => {
  it.each<[string, Partial<AgentState>, string[]]>([
    ['right', { clockOffsetMs: 0 }, []],
    ['a little wrong', { clockOffsetMs: 2999 }, []],
    ['between', { clockOffsetMs: 3000 }, ["keep warning: its clock is 3s behind the controller's"]],
    ['behind', { clockOffsetMs: 5000 }, ["raise warning: its clock is 5s behind the controller's"]],
    ['ahead', { clockOffsetMs: -3_600_000 }, ["raise warning: its clock is 1h ahead of the controller's"]],
    ['not known', { clockOffsetMs: undefined }, []],
    ['wrong, of an agent that is away', { clockOffsetMs: 9000, connected: false }, []],
  ])('of a clock that is %s', (_, agent, expected) => {
    expect(said(clockWrong(fleet(agent), policy))).toEqual(expected)
  })

  it('by other limits of the policy', () => {
    const strict = policyOf('thresholds: { clock-wrong: { above: 2500ms, clearBelow: 2s } }')
    expect(said(clockWrong(fleet({ clockOffsetMs: 2500 }), strict))).toHaveLength(1)
    expect(said(clockWrong(fleet({ clockOffsetMs: 1999 }), strict))).toEqual([])
  })

  it('says by what', () => {
    const [found] = clockWrong(fleet({ clockOffsetMs: -9000 }), policy)
    expect(found).toMatchObject({
      check: 'clock-wrong',
      subject: { kind: 'agent', id: 'agent-a' },
      evidence: [{ entityKind: 'agent', entityId: 'agent-a', field: 'clockOffsetMs', value: -9000, limit: 5000 }],
    })
  })
})

describe('spool-filling', () => {
  it.each<[string, Partial<AgentState>, string[]]>([
    ['empty', { spoolReports: 0 }, []],
    ['few', { spoolReports: 199 }, []],
    [
      'between',
      { spoolReports: 200 },
      ['keep warning: 200 reports wait with it; when its spool is full the oldest are dropped'],
    ],
    [
      'many',
      { spoolReports: 1000 },
      ['raise warning: 1000 reports wait with it; when its spool is full the oldest are dropped'],
    ],
    ['many, and it is away', { spoolReports: 1000, connected: false }, []],
  ])('of a spool with %s', (_, agent, expected) => {
    expect(said(spoolFilling(fleet(agent), policy, {}))).toEqual(expected)
  })

  it('says how many', () => {
    expect(spoolFilling(fleet({ spoolReports: 4000 }), policy, {})).toMatchObject([
      {
        check: 'spool-filling',
        subject: { kind: 'agent', id: 'agent-a' },
        evidence: [{ entityKind: 'agent', entityId: 'agent-a', field: 'spoolReports', value: 4000, limit: 1000 }],
      },
    ])
  })
})

function counted(missed: number, dropped: number): { readonly changes: RecentChanges } {
  const increase = (by: number): Increase => ({ total: by, steps: by === 0 ? [] : [{ atMs: builtAt, by }] })
  const tally = { skippedTicks: increase(missed), droppedReports: increase(dropped) }
  return { changes: { ...noChanges, agents: new Map([['agent-a', tally]]) } }
}

describe('agent-late', () => {
  const message = (missed: number): string =>
    `it missed ${missed} beats within ten minutes: its hypervisors answer slowly, or its machine is busy`
  it.each<[string, number, Partial<AgentState>, string[]]>([
    ['none', 0, {}, []],
    ['few', 9, {}, []],
    ['some', 10, {}, [`keep warning: ${message(10)}`]],
    ['many', 30, {}, [`raise warning: ${message(30)}`]],
    ['many, and it is away', 30, { connected: false }, []],
  ])('of %s missed', (_, missed, agent, expected) => {
    expect(said(agentLate(fleet(agent), policy, counted(missed, 0)))).toEqual(expected)
  })

  it('says how many, and nothing where nobody remembers', () => {
    expect(agentLate(fleet({}), policy, counted(40, 0))[0]).toMatchObject({
      check: 'agent-late',
      subject: { kind: 'agent', id: 'agent-a' },
      evidence: [{ entityKind: 'agent', entityId: 'agent-a', field: 'skippedTicks', value: 40, limit: 30 }],
    })
    expect(agentLate(fleet({}), policy, {})).toEqual([])
  })
})

it('reports that an agent dropped are lost', () => {
  expect(said(spoolFilling(fleet({}), policy, counted(0, 0)))).toEqual([])
  expect(spoolFilling(fleet({}), policy, counted(0, 7))).toMatchObject([
    {
      severity: 'critical',
      part: 'dropped',
      message: 'it dropped 7 reports, as was told within ten minutes: its spool was full, and what they said is lost',
    },
  ])
})

describe('agent-old', () => {
  it.each<[string, string, string[]]>([
    ['0.3.0', '0.3.0', []],
    ['0.3.0', '0.3.9', []],
    ['0.2.9', '0.3.0', ['raise info: it is of version 0.2.9, the controller of 0.3.0']],
    ['0.9.0', '1.0.0', ['raise warning: it is of version 0.9.0, the controller of 1.0.0']],
    ['0.10.0', '0.9.0', []],
    ['1.0.0', '0.9.0', []],
    ['v0.2.0-rc1', '0.3.0', ['raise info: it is of version v0.2.0-rc1, the controller of 0.3.0']],
    ['', '0.3.0', []],
    ['unknown', '0.3.0', []],
    ['0.2.0', 'unknown', []],
  ])('of %j beside %j', (agentVersion, version, expected) => {
    expect(said(agentOld(fleet({ version: agentVersion }), policy, { version }))).toEqual(expected)
  })

  it('is not said of one that is away, nor where the own version is not known', () => {
    expect(agentOld(fleet({ version: '0.1.0', connected: false }), policy, { version: '9.0.0' })).toEqual([])
    expect(agentOld(fleet({ version: '0.1.0' }), policy, {})).toEqual([])
  })
})

it('a severity of the policy counts for agents too', () => {
  const mild = policyOf('thresholds: { agent-silent: { severity: warning } }')
  const { stands } = fleetFindings(fleet({ connected: false }), mild)
  expect(stands.flatMap(({ check, severity }) => (check === 'agent-silent' ? [severity] : []))).toEqual(['warning'])
})
