import { describe, expect, it } from 'vitest'

import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot, builtAt, hostIdOf, known, type HostRow } from '../../../test/support/snapshot-builder.js'
import { findingKey, type Finding } from '../../model/finding.js'
import { noChanges } from '../../model/recent-changes.js'
import type { Snapshot } from '../../model/snapshot.js'
import { fleetFindings } from '../fleet-findings.js'
import { hostRebooted } from './host-rebooted.js'
import { uptimeOverflow } from './uptime-overflow.js'

const policy = policyOf('')
const hour = 3_600_000
const overflowSeconds = 2 ** 54 / 1e9

function host(more: HostRow['more'] = {}, row: Partial<HostRow> = {}): Snapshot {
  return buildSnapshot({ hosts: [{ name: 'a', memoryMiB: 8192, ...row, more }], vms: [] })
}

function said(findings: readonly Finding[]): string[] {
  return findings.map(({ strength, severity, message }) => `${strength} ${severity}: ${message}`)
}

describe('uptime-overflow', () => {
  const kernel = '2.6.32-5-amd64'
  const up = (hoursLeft: number, more: HostRow['more'] = {}, row: Partial<HostRow> = {}): Snapshot =>
    host({ kernel, metrics: { uptimeSeconds: known(overflowSeconds - hoursLeft * 3600) }, ...more }, row)
  const message = (left: string): string =>
    `its kernel ${kernel} may stop in ${left}, when its clock overflows after 208.5 days; boot it before, with a fixed kernel`
  it.each<[string, Snapshot, string[]]>([
    ['long before', up(14 * 24 + 1), []],
    ['near', up(13 * 24 - 0.5), [`raise warning: ${message('13d')}`]],
    ['very near', up(47.5), [`raise critical: ${message('2d')}`]],
    ['just after it', up(-1), []],
    ['near to the second time', up(24 - overflowSeconds / 3600), [`raise critical: ${message('1d')}`]],
    ['near, on a fixed kernel', up(24, { kernel: '3.2.0-4-amd64' }), []],
    ['near, on a kernel that is not known', up(24, { kernel: '' }), []],
    ['near, under Xen', up(24, {}, { kind: 'xen' }), [`raise critical: ${message('1d')}`]],
    ['near, under ESXi', up(24, {}, { kind: 'esxi' }), []],
    ['near, of a host that is silent', up(24, {}, { status: 'silent' }), []],
    ['not known', host({ kernel, metrics: { uptimeSeconds: { absent: 'not read' } } }), []],
    ['not there', host({ kernel }), []],
  ])('%s', (_, snapshot, expected) => {
    expect(said(uptimeOverflow(snapshot, policy))).toEqual(expected)
  })

  it('shows the uptime', () => {
    expect(uptimeOverflow(up(24), policy)).toMatchObject([
      {
        check: 'uptime-overflow',
        subject: { kind: 'host', id: hostIdOf('a'), name: 'a' },
        evidence: [{ entityKind: 'host', entityId: hostIdOf('a'), field: 'uptimeSeconds', limit: 18_014_399 }],
      },
    ])
  })
})

describe('host-rebooted', () => {
  const booted = (agoMs: number): { readonly changes: typeof noChanges } => ({
    changes: { ...noChanges, reboots: new Map([[hostIdOf('a'), { atMs: builtAt - agoMs }]]) },
  })
  it.each<[string, number, Snapshot, string[]]>([
    ['now', 0, host(), ['raise warning: it was booted; seen at 2012-01-15T00:00:00Z']],
    ['an hour ago', hour, host(), ['raise warning: it was booted; seen at 2012-01-14T23:00:00Z']],
    ['longer ago', hour + 1, host(), []],
    ['of a host that is gone', 0, buildSnapshot({ hosts: [], vms: [] }), []],
  ])('%s', (_, agoMs, snapshot, expected) => {
    expect(said(hostRebooted(snapshot, policy, booted(agoMs)))).toEqual(expected)
  })

  it('is not known where nobody remembers', () => {
    expect(hostRebooted(host(), policy, {})).toEqual([])
  })

  it('shows the uptime', () => {
    const [found] = hostRebooted(host({ metrics: { uptimeSeconds: known(90) } }), policy, booted(0))
    expect(found?.evidence).toMatchObject([
      { entityKind: 'host', entityId: hostIdOf('a'), field: 'uptimeSeconds', value: 90 },
    ])
  })

  it('is one for as long as it is said, and each is one of its own', () => {
    const keysAt = (afterMs: number, agoMs: number): string[] =>
      hostRebooted({ ...host(), at: builtAt + afterMs }, policy, booted(agoMs)).map(findingKey)
    const [first, later, second] = [keysAt(0, 600_000), keysAt(600_000, 600_000), keysAt(600_000, 0)]
    expect(first).toHaveLength(1)
    expect(later).toEqual(first)
    expect(second).not.toEqual(first)
  })

  it('is excepted by its host', () => {
    const excepting = policyOf('exceptions: [{ host: a, rule: host-rebooted, reason: it boots each night }]')
    expect(fleetFindings(host(), excepting, booted(0)).excepted).toMatchObject([{ reason: 'it boots each night' }])
  })
})
