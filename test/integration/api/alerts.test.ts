import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'

import { plainSettings } from '../../support/alerts/timeline.js'
import { startApiFixture, type Answer, type ApiFixture } from '../../support/api-fixture.js'
import { EventStreamReader } from '../../support/event-stream-reader.js'
import { builtAt, hostIdOf, uuidOf } from '../../support/snapshot-builder.js'
import { alertDetailView, alertHistoryView, alertView, errorView, silenceView } from '../../../controller/api/views.js'
import { finding, type Finding } from '../../../controller/model/finding.js'

const panda = { kind: 'vm', id: uuidOf('panda'), name: 'panda' } as const
const slow = finding({
  check: 'slow',
  severity: 'warning',
  subject: panda,
  message: 'slow',
  evidence: [{ entityKind: 'vm', entityId: panda.id, field: 'readLatencyMs', value: 30, limit: 20 }],
})
const down = finding({
  check: 'down',
  severity: 'critical',
  subject: { kind: 'host', id: hostIdOf('xenhv01'), name: 'xenhv01' },
  message: 'down',
})

const cursor = { nextCursor: z.string().optional() }
const alertPage = z.strictObject({ alerts: z.array(alertView.strict()), ...cursor })
const historyPage = z.strictObject({ history: z.array(alertHistoryView.strict()), ...cursor })

let fixture: ApiFixture

beforeEach(async () => {
  fixture = await startApiFixture()
  fixture.checks.settings = { ...plainSettings, defaultHold: { raiseAfterMs: 10_000, clearAfterMs: 10_000 } }
})
afterEach(() => fixture.stop())

/** Time passes with these findings. */
async function look(findings: readonly Finding[], seconds: number): Promise<void> {
  fixture.checks.findings = findings
  for (let second = 0; second < seconds; second += 1) {
    fixture.clock.now += 1000
    await fixture.desk.step()
    await fixture.desk.idle()
  }
}

function change(path: string, body?: object): Promise<Answer> {
  return fixture.ask(path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${fixture.token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

async function codeOf(path: string): Promise<unknown> {
  const answer = await fixture.ask(path, { headers: { authorization: `Bearer ${fixture.token}` } })
  return [answer.status, errorView.parse(JSON.parse(answer.text)).code]
}

describe('alerts', () => {
  it('are listed as they fire, the most severe first, page by page', async () => {
    await look([slow], 12)
    await look([slow, down], 5)
    expect(await fixture.get('/api/v1/alerts')).toEqual({
      alerts: [
        {
          number: 1,
          phase: 'firing',
          check: 'slow',
          severity: 'warning',
          subject: panda,
          message: 'slow',
          host: 'xenhv03',
          owners: [],
          startedAt: builtAt + 1000,
          firedAt: builtAt + 11_000,
          sighting: 'raised',
          flapping: false,
          evidence: [{ entity: `vm:${panda.id}`, field: 'readLatencyMs', value: 30, limit: 20 }],
          related: [],
        },
      ],
    })
    expect(await fixture.get('/api/v1/alerts?phase=pending')).toMatchObject({
      alerts: [{ check: 'down', phase: 'pending' }],
    })
    await look([slow, down], 10)
    const first = alertPage.parse(await fixture.get('/api/v1/alerts?limit=1'))
    expect(first).toMatchObject({ alerts: [{ number: 2, check: 'down' }] })
    const second = await fixture.get(`/api/v1/alerts?limit=1&cursor=${encodeURIComponent(first.nextCursor ?? '')}`)
    expect(second).toMatchObject({ alerts: [{ number: 1 }] })
    expect(second).not.toHaveProperty('nextCursor')
    expect(await fixture.get('/api/v1/alerts?subject=vm:p*&severity=warning')).toMatchObject({
      alerts: [{ number: 1 }],
    })
    expect(await fixture.get('/api/v1/alerts?check=down')).toMatchObject({ alerts: [{ number: 2 }] })
  })

  it('are acknowledged by somebody, until they end; the history tells of it', async () => {
    await look([slow], 12)
    const answer = await change('/api/v1/alerts/1/ack', { note: 'looking at it' })
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
      200,
      { number: 1, acknowledged: { author: 'local-admin', at: fixture.clock.now, note: 'looking at it' } },
    ])
    expect((await change('/api/v1/alerts/1/ack', {})).status).toBe(200)
    await fixture.restart()
    expect(await fixture.get('/api/v1/alerts/1')).toMatchObject({ alert: { acknowledged: { note: '' } } })
    await look([], 12)
    const detail = alertDetailView.parse(await fixture.get('/api/v1/alerts/1'))
    expect(detail).not.toHaveProperty('alert')
    expect(detail.history.map(({ what, author }) => [what, author])).toEqual([
      ['resolved', undefined],
      ['acknowledged', 'local-admin'],
      ['acknowledged', 'local-admin'],
      ['fired', undefined],
    ])
    expect(await codeOf('/api/v1/alerts/7')).toEqual([404, 'alert-unknown'])
    expect(await codeOf('/api/v1/alerts/none')).toEqual([400, 'request-invalid'])
    expect((await change('/api/v1/alerts/1/ack', {})).status).toBe(404)
  })

  it('are silenced for a time, with a reason', async () => {
    const answer = await change('/api/v1/alerts/silences', { subject: 'vm:p*', for: '1h', reason: 'moving it' })
    const silence = silenceView.parse(JSON.parse(answer.text))
    expect(silence).toMatchObject({
      subject: 'vm:p*',
      author: 'local-admin',
      until: fixture.clock.now + 3_600_000,
    })
    await look([slow], 15)
    expect(await fixture.get('/api/v1/alerts')).toMatchObject({ alerts: [{ number: 1, silencedBy: silence.id }] })
    expect(fixture.checks.sent).toEqual([])
    expect(await fixture.get('/api/v1/alerts/silences')).toMatchObject({
      silences: [{ id: silence.id, reason: 'moving it' }],
    })
    expect((await change(`/api/v1/alerts/silences/${silence.id}/end`)).status).toBe(200)
    await look([slow], 2)
    expect(fixture.checks.sent.map(({ changes }) => changes.map(({ what }) => what))).toEqual([['fired']])
    expect((await change(`/api/v1/alerts/silences/${silence.id}/end`)).status).toBe(404)
    for (const bad of [
      { for: '1h', reason: 'x' },
      { check: 'no-room', for: '1h', reason: ' ' },
      { check: 'no-room', for: '99d', reason: 'x' },
      { check: 'no-room', reason: 'x', for: '1h', until: 3 },
      // They would cover nothing.
      { check: 'no-rom*', for: '1h', reason: 'x' },
      { subject: 'mail', for: '1h', reason: 'x' },
    ]) {
      expect((await change('/api/v1/alerts/silences', bad)).status, JSON.stringify(bad)).toBe(400)
    }
  })

  it('have a history that is asked for by time, alert, check and subject, page by page', async () => {
    for (let round = 0; round < 3; round += 1) {
      await look([slow, down], 12)
      await look([], 12)
    }
    const all = historyPage.parse(await fixture.get('/api/v1/alerts/history'))
    expect(all.history.map(({ what, number }) => `${what} ${number}`).slice(-4)).toEqual([
      'resolved 2',
      'resolved 1',
      'fired 2',
      'fired 1',
    ])
    const seqs: number[] = []
    let next: string | undefined
    do {
      const suffix = next === undefined ? '' : `&cursor=${next}`
      const page = historyPage.parse(await fixture.get(`/api/v1/alerts/history?limit=5${suffix}`))
      seqs.push(...page.history.map(({ seq }) => seq))
      next = page.nextCursor
    } while (next !== undefined)
    expect(seqs).toEqual(all.history.map(({ seq }) => seq))
    const count = async (filter: string): Promise<number> =>
      historyPage.parse(await fixture.get(`/api/v1/alerts/history?${filter}`)).history.length
    expect(await count('check=down')).toBe(all.history.length / 2)
    expect(await count('subject=vm:panda')).toBe(all.history.length / 2)
    expect(await count('subject=vm:pan*')).toBe(all.history.length / 2)
    expect(await count('about=vm:panda')).toBe(all.history.length / 2)
    for (const other of ['vm:pan*', 'vm:pand%25', 'vm:pand_', 'vm:pand']) expect(await count(`about=${other}`)).toBe(0)
    expect(await count('alert=1')).toBe(2)
    expect(await count(`from=${builtAt + 24_000}&to=${builtAt + 48_000}`)).toBe(4)
    expect(await codeOf('/api/v1/alerts/history?cursor=bm8')).toEqual([400, 'cursor-invalid'])
  })

  it('say how sending goes, and are tested route by route', async () => {
    const [all] = fixture.checks.settings.routes
    if (all === undefined) throw new Error('no route')
    const refused = { kind: 'webhook', url: 'http://refuses/', secretFile: 's' } as const
    const mail = { kind: 'email', to: ['{owner}@example.org'] } as const
    fixture.checks.settings = { ...fixture.checks.settings, routes: [{ ...all, name: 'a', to: [refused, mail] }] }
    await look([slow], 12)
    expect(await fixture.get('/api/v1/alerts/routes')).toEqual({
      routes: [
        {
          name: 'a',
          targets: [
            { kind: 'webhook', to: 'http://refuses', waiting: 1, problem: 'answered 500' },
            { kind: 'email', to: '{owner}@example.org', waiting: 0, problem: '' },
          ],
        },
      ],
    })
    expect(JSON.parse((await change('/api/v1/alerts/routes/a/test', {})).text)).toMatchObject({
      results: [
        { ok: false, reason: 'answered 500' },
        { ok: false, reason: expect.stringContaining('no recipient') as unknown },
      ],
    })
    expect(JSON.parse((await change('/api/v1/alerts/routes/a/test', { owners: ['ann'] })).text)).toMatchObject({
      results: [{ ok: false }, { kind: 'email', ok: true, reason: '' }],
    })
    expect(fixture.checks.sent.map(({ isTest, recipients }) => [isTest, recipients])).toEqual([
      [true, ['ann@example.org']],
    ])
    expect((await change('/api/v1/alerts/routes/b/test', {})).status).toBe(404)
  })

  it('come by the event stream as they change, and go', async () => {
    await look([slow], 12)
    const reader = await EventStreamReader.open(fixture.api.port, { authorization: `Bearer ${fixture.token}` })
    await vi.waitFor(() => expect(reader.changes.flatMap(({ alerts }) => alerts)).toMatchObject([{ number: 1 }]))
    await change('/api/v1/alerts/1/ack', { note: 'mine' })
    await vi.waitFor(
      () => expect(reader.changes.at(-1)?.alerts).toMatchObject([{ acknowledged: { note: 'mine' } }]),
      5000,
    )
    await look([], 12)
    await vi.waitFor(() => expect(reader.changes.flatMap(({ removedAlerts }) => removedAlerts)).toEqual([1]), 5000)
    reader.close()
  })

  it('are counted for Prometheus', async () => {
    await look([slow], 12)
    const { text } = await fixture.ask('/metrics', { headers: { authorization: `Bearer ${fixture.token}` } })
    expect(text).toContain('headroom_alerts{phase="firing",severity="warning"} 1')
    expect(text).toContain('headroom_alert_messages_total{outcome="sent"} 1')
    expect(text).toContain('headroom_alert_messages_waiting 0')
  })
})
