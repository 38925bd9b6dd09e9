import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, expect, test } from 'vitest'

import { openWays } from '../../controller/alerts/channels/open-channels.js'
import type { AlertSettings } from '../../controller/alerts/settings.js'
import { startAlertmanager, type RunningAlertmanager } from '../support/alerts/alertmanager-server.js'
import { DeskWorld } from '../support/alerts/desk-world.js'
import { startSmtp, type ReceivedMail } from '../support/alerts/smtp-server.js'
import { plainSettings } from '../support/alerts/timeline.js'

/** An hour without Debian's Alertmanager and a mail server, by a clock that the test holds; connections, refusals and servers are real. */

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const machines = 40

function settingsFor({ url }: RunningAlertmanager): AlertSettings {
  return {
    ...plainSettings,
    defaultHold: { raiseAfterMs: 5000, clearAfterMs: 4000 },
    routes: [
      {
        name: 'all',
        match: {},
        to: [
          { kind: 'email', to: ['ops@example.org'] },
          { kind: 'alertmanager', url, resendMs: 60_000 },
        ],
        groupBy: ['subject'],
        groupWaitMs: 5000,
        groupIntervalMs: 30_000,
        repeatMs: 12 * 3_600_000,
      },
    ],
  }
}

test(
  'Alertmanager and mail away for an hour: each change arrives once, in a few mails, and what is over is over there',
  { timeout: 180_000 },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'headroom-outage-'))
    cleanups.push(() => rmSync(directory, { recursive: true }))
    const alertmanager = await startAlertmanager(join(directory, 'alertmanager'))
    cleanups.push(() => alertmanager.server.stop())
    const before = await startSmtp()
    const { port } = before
    await before.close()
    await alertmanager.server.stop()
    const server = { host: '127.0.0.1', port, security: 'none', from: 'headroom@example.org' } as const
    const world = new DeskWorld(settingsFor(alertmanager), {
      openWays: (routes) => openWays(routes, { mail: server, publicUrl: undefined, now: Date.now }),
      now: Date.now,
    })
    cleanups.push(async () => {
      await world.close()
      world.remove()
    })
    await world.open()
    // Machines have trouble in turn, and one has it all the time.
    for (let second = 0; second < 3600; second += 5) {
      const first = Math.floor(second / 90)
      world.words = `m${first} m${first + 1} z`
      // In the midst of it the controller is killed.
      if (second === 1800) {
        world.kill()
        await world.close()
        await world.open()
      }
      expect(await world.tick(5000)).toBe(true)
    }
    expect(world.desk.routes()[0]?.targets.map(({ waiting }) => waiting)).not.toContain(0)

    await alertmanager.server.start()
    const smtp = await startSmtp(port)
    cleanups.push(() => smtp.close())
    for (let second = 0; second < 300; second += 1) await world.tick()

    expect(world.desk.routes()[0]?.targets).toMatchObject([
      { waiting: 0, lane: { problem: '' } },
      { waiting: 0, lane: { problem: '' } },
    ])
    // One had been tried, the others became one; two may tell what happened since.
    expect(smtp.mails.length).toBeLessThanOrEqual(4)
    const fired = told(smtp.mails, 'FIRING')
    const over = told(smtp.mails, 'OVER')
    const names = Array.from({ length: machines + 1 }, (_, index) => `m${index}`)
    expect(fired.toSorted()).toEqual([...names, 'z'].toSorted())
    // The last two still have their trouble.
    expect(over.toSorted()).toEqual(names.slice(0, machines - 1).toSorted())

    const there = (await alertmanager.firing()).map(({ labels }) => labels['subject'] ?? '')
    const here = [...world.desk.alerts.values()].map(({ finding }) => finding.subject.name)
    expect(there.toSorted()).toEqual(here.toSorted())
    expect(here.toSorted()).toEqual(['m39', 'm40', 'z'])
    const counts = await alertmanager.counts()
    expect(counts.invalid).toBe(0)
    expect(counts.resolved).toBe(machines - 1)
    // What waited, and three that fire said again each minute for five: no storm.
    expect(counts.firing).toBeLessThanOrEqual(4 + 3 * 6)
  },
)

/** Of whom that was said, in all mails. */
function told(mails: readonly ReceivedMail[], what: string): string[] {
  const line = new RegExp(`^${what} +#\\d+ +\\w+ +vm:(\\w+)`, 'gm')
  return mails.flatMap(({ text }) => [...text.matchAll(line)].map(([, name = '']) => name))
}
