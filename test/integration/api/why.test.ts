import { afterAll, beforeAll, expect, it } from 'vitest'

import { errorView, whyView } from '../../../controller/api/views.js'
import { finding, vmSubject } from '../../../controller/model/finding.js'
import type { FleetEvent } from '../../../controller/model/snapshot.js'
import { startApiFixture, type ApiFixture } from '../../support/api-fixture.js'
import { plainSettings } from '../../support/alerts/timeline.js'
import { elabPolicy } from '../../support/elab-policy.js'
import { elabSnapshot } from '../../support/elab-fleet.js'
import { builtAt, hostIdOf, uuidOf } from '../../support/snapshot-builder.js'

let fixture: ApiFixture
beforeAll(async () => {
  fixture = await startApiFixture()
  fixture.rules.policy = elabPolicy()
})
afterAll(async () => {
  await fixture.stop()
})

const event = (change: Partial<FleetEvent>): FleetEvent => ({
  at: builtAt - 60_000,
  hostId: hostIdOf('xenhv02'),
  vmUuid: uuidOf('mail'),
  vmName: 'mail',
  kind: 'crashed',
  reason: 'panicked',
  message: '',
  ...change,
})

it('puts alerts, events and silences of a VM in order with what the checks say', async () => {
  const slow = finding({
    check: 'slow',
    severity: 'critical',
    subject: vmSubject({ uuid: uuidOf('mail'), name: 'mail' }),
    message: 'its writes take 3 s',
  })
  fixture.checks.findings = [slow]
  fixture.checks.settings = { ...plainSettings, defaultHold: { raiseAfterMs: 0, clearAfterMs: 0 } }
  await fixture.desk.step()
  const fresh = [
    event({}),
    event({ at: builtAt - 30 * 86_400_000 }),
    event({ vmUuid: '', vmName: '', kind: 'hypervisor-back', reason: 'booted' }),
    event({ vmUuid: uuidOf('auth'), vmName: 'auth' }),
  ]
  await fixture.store.write({ points: [], events: fresh, marks: [] })
  await fixture.desk.addSilence({ subject: 'vm:mail' }, 3_600_000, 'ann', 'moving it')

  for (const id of ['mail', uuidOf('mail')]) {
    const why = whyView.parse(await fixture.get(`/api/v1/vms/${id}/why`))
    expect(why).toMatchObject({ uuid: uuidOf('mail'), name: 'mail', host: 'xenhv02', at: builtAt })
    expect(why.reasons[0]).toMatchObject({ topic: 'alert', alert: 1, check: 'slow', since: builtAt })
    const ofTopic = (topic: string): string[] =>
      why.reasons.filter((reason) => reason.topic === topic).map(({ says }) => says)
    expect(ofTopic('event')).toEqual(['crashed (panicked)', 'hypervisor-back (booted)'])
    expect(ofTopic('hidden')).toEqual([expect.stringContaining('of ann: nobody is told of everything (moving it)')])
    expect(ofTopic('label')).toContain('class core, by groups.1 of the policy')
  }
})

it('says so if there is no such VM', async () => {
  const { status, text } = await fixture.ask('/api/v1/vms/nobody/why', {
    headers: { authorization: `Bearer ${fixture.token}` },
  })
  expect([status, errorView.parse(JSON.parse(text)).code]).toEqual([404, 'vm-unknown'])
})

it('tells the rest if the store does not answer', async () => {
  const broken = await startApiFixture({
    store: new Proxy(fixture.store, {
      get: (store, key) => (key === 'events' ? () => Promise.reject(new Error('disk')) : Reflect.get(store, key)),
    }),
  })
  broken.fleet.set(elabSnapshot())
  const { reasons } = whyView.parse(await broken.get('/api/v1/vms/mail/why'))
  await broken.stop()
  expect(reasons.map(({ says }) => says)).toContain('what happened of late cannot be read')
  expect(reasons.some(({ topic }) => topic === 'room')).toBe(true)
})
