import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { z } from 'zod'

import {
  sampleAgents,
  sampleAlertDetail,
  sampleAlertHistory,
  sampleAlertRoutes,
  sampleAlerts,
  sampleArray,
  sampleArrays,
  sampleAuthority,
  sampleCapacity,
  sampleEvents,
  sampleFleet,
  sampleHost,
  sampleHosts,
  sampleStorageServer,
  sampleJoinTokens,
  sampleNow,
  samplePolicy,
  samplePolicyCheck,
  samplePolicyVersions,
  sampleRemedies,
  sampleRouteTest,
  sampleSilences,
  sampleTop,
  sampleUuid,
  sampleVersion,
  sampleVm,
  sampleVms,
  sampleWhy,
} from '../../../test/support/cli/sample-views.js'
import {
  agentView,
  alertDetailView,
  alertHistoryView,
  alertRouteView,
  alertView,
  arrayView,
  authorityView,
  capacityView,
  eventView,
  fleetView,
  hostView,
  joinTokenView,
  policyCheckView,
  policyTextView,
  policyVersionView,
  policyView,
  routeTestView,
  silenceView,
  topView,
  vmView,
  whyView,
} from '../../api/views.js'
import { renderAgentList } from './agent-list.js'
import { renderAlertDetail } from './alert-detail.js'
import { renderRemedies } from './remedies.js'
import { renderAlertHistory } from './alert-history.js'
import { renderAlertList } from './alert-list.js'
import { renderAlertRoutes, renderRouteTest } from './alert-routes.js'
import { renderArrayDetail } from './array-detail.js'
import { renderArrayList } from './array-list.js'
import { renderAuthority, renderFinishedRotation } from './authority.js'
import { renderCapabilityList } from './capability-list.js'
import { failureText, renderCapacity, roomText } from './capacity.js'
import { renderEventLine, renderEventList } from './event-list.js'
import { renderHostDetail } from './host-detail.js'
import { renderHostList } from './host-list.js'
import { renderJoinTokenList } from './join-token-list.js'
import type { Look } from './look.js'
import { displayWidth } from './plain-text.js'
import { renderPolicyDiff, renderPolicyHistory } from './policy-history.js'
import { renderPolicy, renderPolicyCheck, renderProblems, renderVmLabels } from './policy.js'
import { renderSilenceList } from './silence-list.js'
import { renderStatus } from './status.js'
import { renderTop } from './top.js'
import { renderVmDetail } from './vm-detail.js'
import { renderVmList } from './vm-list.js'
import { renderWhy } from './why.js'

const look = (width: number | undefined, colour = false): Look => ({ width, colour, now: sampleNow, timeZone: 'UTC' })
const sampleArrayDetail = { array: sampleArray(), history: sampleAlertHistory, simulated: true }
const byUuid = new Map(sampleVms.map((vm) => [vm.uuid, vm]))

const views: Readonly<Record<string, (look: Look) => readonly string[]>> = {
  status: (look) => renderStatus({ fleet: sampleFleet, alerts: sampleAlerts }, look),
  'host-list': (look) => renderHostList(sampleHosts, look),
  'host-show': (look) => renderHostDetail(sampleHost(), look),
  'storage-server-show': (look) => renderHostDetail(sampleStorageServer(), look),
  'vm-list': (look) => renderVmList(sampleVms, look),
  'vm-show': (look) => renderVmDetail(sampleVm({ title: 'mail of the department' }), look),
  why: (look) => renderWhy(sampleWhy, look),
  'array-list': (look) => renderArrayList(sampleArrays, true, look),
  'array-show': (look) => renderArrayDetail(sampleArrayDetail, look),
  'agent-list': (look) => renderAgentList(sampleAgents, look),
  'agent-capabilities': (look) => renderCapabilityList(sampleHosts, look),
  'join-token-list': (look) => renderJoinTokenList(sampleJoinTokens, look),
  'ca-show': (look) => renderAuthority(sampleAuthority, look),
  top: (look) => renderTop({ top: sampleTop('write'), vms: byUuid }, look, true),
  'top-array': (look) => renderTop({ top: sampleTop('write'), vms: byUuid, array: sampleArrays[0] }, look, true),
  capacity: (look) => renderCapacity(sampleCapacity, true, look),
  events: (look) => renderEventList(sampleEvents, true, look),
  'policy-history': (look) => renderPolicyHistory(samplePolicyVersions, look),
  'policy-check': (look) => renderPolicyCheck(samplePolicyCheck, false, look),
  'policy-vms': (look) => renderVmLabels(sampleVms, look),
  'alert-list': (look) => renderAlertList(sampleAlerts, 'fires', look),
  'alert-show': (look) => renderAlertDetail(12, sampleAlertDetail, look),
  'alert-silenced': (look) => renderAlertDetail(12, { ...sampleAlertDetail, silence: sampleSilences[0] }, look),
  'alert-over': (look) =>
    renderAlertDetail(12, { ...sampleAlertDetail, ...sampleRemedies, alert: undefined, proposals: [] }, look),
  'alert-remedy': (look) => renderRemedies(12, sampleRemedies, look),
  'alert-history': (look) => renderAlertHistory(sampleAlertHistory, look),
  'alert-route': (look) => renderAlertRoutes(sampleAlertRoutes, look),
  'alert-test': (look) => renderRouteTest(sampleRouteTest, look),
  'silence-list': (look) => renderSilenceList(sampleSilences, look),
}

describe.each(Object.entries(views))('%s', (name, render) => {
  test.each([60, 80, 140])('at %d columns', async (width) => {
    const lines = render(look(width))
    expect(lines.filter((text) => displayWidth(text) > width)).toEqual([])
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`../../../test/golden/cli/${name}-${width}.txt`)
  })

  test('in a pipe, and in colours the same words', () => {
    const plain = render(look(80))
    const coloured = render(look(80, true))
    expect(coloured.map((text) => stripVTControlCharacters(text).trimEnd())).toEqual(
      plain.map((text) => text.trimEnd()),
    )
    expect(coloured.join('')).toContain('\u001b[')
    expect(render(look(undefined)).join('')).not.toContain('…')
  })
})

test.each([
  [{ waitingPoints: 0 }, undefined],
  [{ waitingPoints: 5, bytes: 1234, oldestMs: sampleNow - 65_000 }, '5 points wait (1.23 kB, the oldest for 1m 5s)'],
  [{ waitingPoints: 5, droppedPoints: 7 }, '5 points wait (0 B); 7 given up'],
  [{ waitingPoints: 0, refusedPoints: 2 }, 'empty; 2 refused by the server'],
])('status says of the queue of a store %j: %s', (change, expected) => {
  const empty = { waitingPoints: 0, bytes: 0, oldestMs: null, droppedPoints: 0, refusedPoints: 0 }
  const fleet = { ...sampleFleet, at: sampleNow, store: { ...sampleFleet.store, queue: { ...empty, ...change } } }
  const row = renderStatus({ fleet, alerts: [] }, look(140)).find((text) => text.includes('Queue'))
  expect(row?.replace(/^.*Queue of it */, '').trim()).toBe(expected)
})

describe('hostile names', () => {
  const attack = '\u001b[2J\u001b]0;x\u0007\u009b31m\r\n\u202e\u2028'

  /** Every text replaced, but those that the schemas bind. */
  function poisoned<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
    const bound: ReadonlySet<string> = new Set([
      'kind',
      'status',
      'support',
      'severity',
      'uuid',
      'by',
      'class',
      'occasion',
      'phase',
      'sighting',
      'what',
      'role',
      'topic',
      'basis',
      'loadClass',
      'action',
      'confidence',
    ])
    // Of the sources of storage health, and of a write cache; their keys are free texts elsewhere.
    const boundTexts: ReadonlySet<string> = new Set([
      'md',
      'raid-controller',
      'smart',
      'lvm',
      'read',
      'not-here',
      'failed',
      'near-full',
    ])
    const text = JSON.stringify(value, (key, inner: unknown) =>
      typeof inner === 'string' && !bound.has(key) && !boundTexts.has(inner) ? attack : inner,
    )
    return schema.parse(JSON.parse(text))
  }

  const vm = { ...poisoned(vmView, sampleVm()), absent: { [attack]: attack } }
  const gap = { group: attack, reason: attack, message: attack, sinceMs: 0 }
  const hostileViews: readonly ((look: Look) => readonly string[])[] = [
    (look) =>
      renderStatus(
        {
          fleet: { ...poisoned(fleetView, sampleFleet), store: { ok: false, problem: attack, sizeBytes: 0 } },
          alerts: poisoned(alertView.array(), sampleAlerts),
        },
        look,
      ),
    (look) => renderHostList([poisoned(hostView, sampleHost())], look),
    (look) =>
      renderHostDetail({ ...poisoned(hostView, sampleHost()), gaps: [gap], absent: { [attack]: attack } }, look),
    (look) => renderHostDetail(poisoned(hostView, sampleStorageServer()), look),
    (look) => renderCapabilityList([poisoned(hostView, sampleHost())], look),
    (look) => renderVmList([vm], look),
    (look) => renderVmDetail({ ...vm, title: attack, owner: attack, service: attack, gaps: [gap] }, look),
    (look) => renderArrayList(poisoned(arrayView.array(), sampleArrays), true, look),
    (look) => renderArrayDetail({ ...sampleArrayDetail, array: poisoned(arrayView, sampleArrayDetail.array) }, look),
    (look) => renderAgentList(poisoned(agentView.array(), sampleAgents), look),
    (look) => renderJoinTokenList(poisoned(joinTokenView.array(), sampleJoinTokens), look),
    (look) => renderAuthority(poisoned(authorityView, sampleAuthority), look),
    (look) => renderTop({ top: poisoned(topView, sampleTop('cpu')), vms: new Map([[sampleUuid(1), vm]]) }, look, true),
    (look) =>
      renderTop(
        {
          top: { ...poisoned(topView, sampleTop('cpu')), by: attack },
          vms: new Map(),
          array: poisoned(arrayView, sampleArrays[0]),
        },
        look,
        true,
      ),
    (look) => renderCapacity(poisoned(capacityView, sampleCapacity), true, look),
    (look) => renderPolicy(poisoned(policyView, samplePolicy), look),
    (look) => renderPolicyHistory(poisoned(policyVersionView.array(), samplePolicyVersions), look),
    (look) => renderPolicyCheck(poisoned(policyCheckView, samplePolicyCheck), false, look),
    (look) => renderVmLabels([vm], look),
    (look) => renderProblems(attack, [{ key: attack, line: 1, expected: attack, got: attack }], look),
    (look) => {
      const [version] = poisoned(policyTextView.array(), [{ ...samplePolicyVersions[0], text: '' }])
      return version === undefined ? [] : renderPolicyDiff(version, { ...version, text: `${attack}\n${attack}` }, look)
    },
    (look) => renderEventList(poisoned(eventView.array(), sampleEvents), true, look),
    (look) => renderAlertList(poisoned(alertView.array(), sampleAlerts), 'fires', look),
    (look) => renderAlertDetail(12, poisoned(alertDetailView, sampleAlertDetail), look),
    (look) => renderAlertHistory(poisoned(alertHistoryView.array(), sampleAlertHistory), look),
    (look) => renderAlertRoutes(poisoned(alertRouteView.array(), sampleAlertRoutes), look),
    (look) => renderWhy(poisoned(whyView, sampleWhy), look),
    (look) => renderRouteTest(poisoned(routeTestView, { results: sampleRouteTest }).results, look),
    (look) => renderSilenceList(poisoned(silenceView.array(), sampleSilences), look),
    (look) =>
      poisoned(eventView.array(), sampleEvents).map((event) => renderEventLine({ ...event, kind: attack }, look)),
  ]

  test.each(hostileViews.map((render, index) => [index, render] as const))(
    'view %d prints no control character',
    (_, render) => {
      for (const colour of [false, true]) {
        const lines = render(look(100, colour))
        expect(lines.join('')).toContain('\\x1b[2J')
        // What is left when the colours of our own are taken away.
        const ours = [1, 2, 7, 22, 27, 31, 32, 33, 39].map((code) => `\u001b[${code}m`)
        const rest = ours.reduce((text, code) => text.replaceAll(code, ''), lines.join(''))
        expect(rest).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      }
    },
  )
})

test.each([
  [{ room: 3, shortOfNextBytes: 2 * 2 ** 20 }, '3; 2 MiB short of 4'],
  [{ room: 3, shortOfNextBytes: 128 * 2 ** 20 }, '3; 128 MiB short of 4'],
  [{ room: 3, shortOfNextBytes: 129 * 2 ** 20 }, '3'],
  [{ room: 0, shortOfNextBytes: 2 ** 30 }, '0'],
  [{ room: 2 }, '2'],
  [{}, '–'],
])('room of %o', (host, text) => {
  expect(roomText(host, 2 ** 30)).toBe(text)
})

test.each([
  [{ fits: true, neededBytes: 1, freeBytes: 2 }, 'fits'],
  [{ fits: false, neededBytes: 3 * 2 ** 30, freeBytes: 2 ** 30 }, '2 GiB short'],
  // Enough in all, but no host has enough for the largest VM.
  [{ fits: false, neededBytes: 2 ** 30, freeBytes: 3 * 2 ** 30 }, 'too scattered'],
])('failure %o', (failure, text) => {
  expect(failureText({ failure }).text).toBe(text)
})

test('an empty fleet says so', () => {
  expect(renderVmList([], look(80))).toEqual(['no VMs'])
  expect(renderHostList([], look(80))).toEqual(['no hosts: no agent has reported yet'])
  expect(renderCapabilityList([], look(80))).toEqual(['no hosts: no agent has reported yet'])
  expect(renderArrayList([], false, look(80))).toEqual(['no arrays: no VM with a disk is known'])
  expect(renderAgentList([], look(80))).toEqual(['no agents are enrolled'])
  expect(renderEventList([], false, look(80))).toEqual(['no events'])
  expect(renderAlertList([], 'fires', look(80))).toEqual(['no alert fires'])
  expect(renderAlertHistory([], look(80))).toEqual(['nothing happened to alerts'])
  expect(renderSilenceList([], look(80))).toEqual(['nothing is silenced'])
  expect(renderAlertRoutes([], look(80))).toEqual(['the policy has no routes: nobody is told of alerts'])
  expect(renderAlertDetail(3, { history: [], proposals: [], remedies: [] }, look(80))).toEqual(['alert 3 is over'])
  expect(renderJoinTokenList([], look(80))).toEqual(['no join token waits to be used'])
  expect(renderTop({ top: { by: 'cpu', at: sampleNow, rows: [] }, vms: new Map() }, look(80), false).at(-1)).toBe(
    'no VM has a figure for CPU yet',
  )
})

test('hosts that can measure the same share one table', () => {
  const hosts = ['hv10', 'hv2', 'hv1'].map((name) => sampleHost({ id: name, name, simulated: name === 'hv1' }))
  const titles = renderCapabilityList(hosts, look(80)).filter((text) => text.includes('('))
  expect(titles).toEqual(['hv1 (xen, simulated)', 'hv2, hv10 (xen)'])
  const [nothing] = renderCapabilityList([sampleHost({ capabilities: [] })], look(80)).slice(1)
  expect(nothing).toBe('its agent has not said yet what it can measure')
})

test('memory as ESXi knows it is shown where it is known', () => {
  const metrics = { memoryActiveBytes: 300 * 2 ** 20, memoryBalloonedBytes: 0, memorySwappedBytes: 2 ** 20 }
  const lines = renderVmDetail(sampleVm({ metrics }), look(80))
  expect(lines.filter((text) => /touched|balloon|swapped/.test(text))).toEqual([
    expect.stringMatching(/^ {2}touched lately +300 MiB$/),
    expect.stringMatching(/^ {2}ballooned +0 B$/),
    expect.stringMatching(/^ {2}swapped by host +1 MiB$/),
  ])
  expect(renderVmDetail(sampleVm(), look(80)).join()).not.toMatch(/touched|balloon|swapped/)
})

test('a rotation that is over names who was left behind', () => {
  const { rotation, ...authority } = sampleAuthority
  expect(renderAuthority(authority, look(80)).at(-1)).toMatch(/Rotation +none/)
  const done = renderAuthority(
    { ...authority, ...(rotation && { rotation: { ...rotation, notRenewed: [] } }) },
    look(80),
  )
  expect(done.at(-1)).toContain('headroom ca rotate --finish')
  const leftBehind = [{ id: 'agent-2', name: 'far', connected: false }]
  expect(renderFinishedRotation({ authority, leftBehind }, look(80)).join('\n')).toMatch(
    /must join anew\n.*\nfar +away/,
  )
})

test('a policy is shown as a file that can be used, whatever the width', () => {
  const lines = renderPolicy(samplePolicy, look(40))
  expect(lines.slice(0, 4)).toEqual([
    '# File: /etc/headroom/policy.yaml',
    '# Version 3, in force since 2011-04-12 09:20:30; written 2011-04-12 09:20:29 by admin; 0123456789ab',
    '# NOT in force is the file as it is since 2011-04-12 10:19:30:',
    '# policy.yaml:3: hosts.0.role: expected one of core, personal, secondary, reserve, got "spare"',
  ])
  expect(parse(lines.join('\n'))).toEqual(samplePolicy.effective)
  expect(renderPolicy({ effective: {} }, look(40))[0]).toContain('No policy file: these are the defaults')
})

test.each([
  ['a\nb\n', 'a\nc\n', ['@@ -1,2 +1,2 @@', ' a', '-b', '+c']],
  ['a\n', 'a\n', ['no difference between version 2 and 3']],
  [undefined, 'a\n', ['@@ -0,0 +1,1 @@', '+a']],
])('the difference between %j and %j', (before, after, expected) => {
  const version = (number: number, text: string) => ({ ...samplePolicyVersions[0], ...sampleVersion(number), text })
  const lines = renderPolicyDiff(before === undefined ? undefined : version(2, before), version(3, after), look(80))
  expect(lines.slice(-expected.length)).toEqual(expected)
})

test('offline nothing is said of findings', () => {
  const { notes } = samplePolicyCheck
  const lines = renderPolicyCheck({ problems: [], notes, findings: [], ends: [], excepted: [] }, true, look(80))
  expect(lines.join('\n')).not.toContain('It would find')
  expect(lines.join('\n')).toContain('needs a running controller')
})
