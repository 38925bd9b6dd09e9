import { expect, test } from 'vitest'

import { policyOf } from '../../../test/support/policy-with.js'
import { buildSnapshot } from '../../../test/support/snapshot-builder.js'
import type { ChannelTrouble } from '../../model/circumstances.js'
import { fleetFindings } from '../fleet-findings.js'

const snapshot = buildSnapshot({ hosts: [], vms: [] })

function said(channels: readonly ChannelTrouble[] | undefined): string[] {
  const circumstances = channels === undefined ? {} : { channels }
  return fleetFindings(snapshot, policyOf(''), circumstances).stands.map(
    ({ check, severity, part, message }) => `${check} ${severity} (${part}) ${message}`,
  )
}

const mail: ChannelTrouble = {
  route: 'owners',
  kind: 'email',
  to: 'ops@example.org',
  problem: '550 5.7.1 Access denied',
  waiting: 0,
}

test('tells of each target that does not take what it is sent, and how much waits for it', () => {
  expect(said(undefined)).toEqual([])
  expect(said([])).toEqual([])
  expect(said([mail, { ...mail, kind: 'webhook', to: 'http://one', problem: 'answered 503', waiting: 3 }])).toEqual([
    'channel-trouble warning (owners: email ops@example.org) route owners does not get all through by email to ops@example.org: 550 5.7.1 Access denied',
    'channel-trouble warning (owners: webhook http://one) route owners does not get all through by webhook to http://one: answered 503; 3 messages wait',
  ])
  expect(said([{ ...mail, waiting: 1 }])[0]).toMatch(/denied; 1 message waits$/)
  expect(said([{ ...mail, problem: 'x'.repeat(5000) }])[0]?.length).toBeLessThan(500)
})
