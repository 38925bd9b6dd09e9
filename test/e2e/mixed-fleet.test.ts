import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { capabilityNames } from '../../common/capabilities.js'
import { groupBy } from '../../common/group-by.js'
import { createLog } from '../../common/log.js'
import { openEmbeddedStore } from '../../controller/store/embedded/embedded-store.js'
import { kindNames } from '../../controller/web/format/kind-names.js'
import { fleetPath, hostPath, vmPath } from '../../controller/web/routing/routes.js'
import { Capable, storeProblems, viewProblems, type Views } from '../support/absence-scan.js'
import { EventStreamReader } from '../support/event-stream-reader.js'
import { allMembers } from '../support/fleet-members.js'
import { answerProblems, kindOf, shownProblems, viewsOf } from '../support/fleet-scan.js'
import { openBrowser, startMixedFleet, type FleetMember, type MixedFleet } from '../support/mixed-fleet.js'
import { figuresOn, pageProblems } from '../support/page-scan.js'
import { temporaryDirectory } from '../support/running-product.js'
import { waitFor } from '../support/wait-for.js'

/**
 * One controller over all kinds of hypervisors at once: what each can measure is said, and what it cannot measure is nowhere:
 * not in the store, not in an answer, not on the page. Pictures of the page go to the directory that HEADROOM_PICTURES names.
 */

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let members: readonly FleetMember[] = []
let fleet: MixedFleet
let stream: EventStreamReader
let browser: Browser
let page: Page
let isStopped = false

const viewsNow = (): Promise<Views> => viewsOf(fleet)

beforeAll(async () => {
  directory = await temporaryDirectory('headroom-mixed-')
  ;[members, browser] = await Promise.all([allMembers(), openBrowser()])
  fleet = await startMixedFleet(directory.path, members)
  const authorization = `Bearer ${fleet.token}`
  stream = await EventStreamReader.open(Number(new URL(fleet.url).port), { authorization })
  page = await browser.newPage({ viewport: { width: 1440, height: 1000 } })
  await page.goto(fleet.loginLink)
  const hosts = members.flatMap(({ shows }) => Object.values(shows)).reduce((sum, count) => sum + count, 0)
  await waitFor(
    60_000,
    'all hosts',
    async () => (await viewsNow()).hosts.filter((one) => one.status === 'up').length === hosts,
  )
  // vSphere's samples come every 20 s: two of them make a rate.
  await waitFor(90_000, 'rates of all that run', async () => {
    const { vms } = await viewsNow()
    return vms.every(
      (vm) => vm.state === 'shutoff' || (vm.cpuCores !== undefined && vm.writeBytesPerSecond !== undefined),
    )
  })
})

afterAll(async () => {
  stream?.close()
  await browser?.close()
  if (fleet === undefined) await Promise.all(members.map((member) => member.stop()))
  else if (!isStopped) await fleet.stop()
  await directory?.remove()
})

describe('one page, API and command line over all kinds', () => {
  it('shows each host with its kind, and what it can measure with a reason for each limit', async () => {
    const { hosts } = await viewsNow()
    const expected: Record<string, number> = {}
    for (const { shows } of members) {
      for (const [kind, count] of Object.entries(shows)) expected[kind] = (expected[kind] ?? 0) + count
    }
    const found: Record<string, number> = {}
    for (const host of hosts) found[kindOf(host)] = (found[kindOf(host)] ?? 0) + 1
    expect(found).toEqual(expected)
    for (const { name, capabilities } of hosts) {
      expect(capabilities.map((one) => one.name).toSorted(), name).toEqual(capabilityNames.toSorted())
      expect(
        capabilities.filter(({ support, reason }) => support !== 'yes' && reason === ''),
        name,
      ).toEqual([])
    }
    expect(hosts.every(({ capabilities }) => capabilities.some(({ support }) => support === 'no'))).toBe(true)
  })

  it('shows VMs that run and VMs that are off, each with what its kind gives', async () => {
    const { hosts, vms } = await viewsNow()
    expect(vms.filter(({ state }) => state === 'unknown')).toEqual([])
    const of = (kind: string): (typeof vms)[number] => {
      const ids = new Set(hosts.filter((host) => kindOf(host) === kind).map(({ id }) => id))
      const vm = vms.find(({ hostId, state }) => ids.has(hostId) && state === 'running')
      if (vm === undefined) throw new Error(`no ${kind} VM runs`)
      return vm
    }
    expect(of('kvm').metrics).toHaveProperty('memoryRssBytes')
    expect(of('kvm').metrics).toHaveProperty('flushRequestsPerSecond')
    expect(of('esxi').metrics).toHaveProperty('memoryActiveBytes')
    expect(of('esxi').absent).toHaveProperty('memoryGuestUsedBytes', 'ESXi estimates the active memory instead')
    expect(of('xen').metrics).toHaveProperty('readRequestsPerSecond')
    expect(of('xen').absent).toHaveProperty('memoryRssBytes')
    expect(vms.find(({ name }) => name === 'kvm-guest-off')).toMatchObject({
      state: 'shutoff',
      metrics: { running: 0 },
    })
  })

  it.each([
    ['wide', 1440, 'light'],
    ['narrow', 390, 'light'],
    ['dark', 1440, 'dark'],
  ] as const)('fits: %s', async (name, width, colorScheme) => {
    const { hosts } = await viewsNow()
    await page.setViewportSize({ width, height: 1000 })
    await page.emulateMedia({ colorScheme })
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
    await page.goto(`${fleet.url}${fleetPath}`)
    for (const host of hosts) {
      const row = page.locator(`li.host-row[data-host="${host.name}"]`)
      await row.waitFor()
      expect(await row.textContent()).toContain(kindNames[host.kind])
      expect(await row.getByText('simulated').count()).toBe(host.simulated ? 1 : 0)
    }
    expect(await page.evaluate(overflow)).toBe(0)
    await picture(`fleet-${name}`)
    for (const [kind, [host]] of groupBy(hosts, kindOf)) {
      if (host === undefined) continue
      await page.goto(`${fleet.url}${hostPath(host.name)}`)
      await page.getByRole('heading', { name: 'What can be measured here' }).waitFor()
      for (const capability of host.capabilities) {
        const item = page
          .locator('ul.capabilities li')
          .filter({ has: page.getByText(capability.name, { exact: true }) })
        expect(await item.textContent()).toContain(capability.reason)
      }
      expect(await page.evaluate(overflow)).toBe(0)
      await picture(`host-${kind.replace(', ', '-')}-${name}`)
    }
  })

  async function picture(name: string): Promise<void> {
    const target = process.env['HEADROOM_PICTURES']
    if (target === undefined) return
    mkdirSync(target, { recursive: true })
    await page.screenshot({ path: join(target, `${name}.png`), fullPage: true })
  }
})

describe('what a host cannot measure', () => {
  it('is in no answer of the API, and nothing is 0 that cannot be', async () => {
    expect(await answerProblems(fleet)).toEqual([])
  })

  it('is in no message of the event stream', async () => {
    const views = await viewsNow()
    const capable = new Capable(views)
    expect(stream.changes.length).toBeGreaterThan(10)
    // What was said before a host had told what it can measure had other reasons.
    const problems = stream.changes.flatMap((change) =>
      viewProblems(`change ${change.revision}`, change, capable, { reasons: false }),
    )
    expect(problems).toEqual([])
  })

  it('is told by no driver: none contradicts itself', async () => {
    const metrics = await fleet.text('/metrics')
    expect(metrics).toContain('headroom_fleet_contradicted_figures_total')
    expect(metrics.split('\n').filter((line) => line.startsWith('headroom_fleet_contradicted_figures_total{'))).toEqual(
      [],
    )
  })

  it('is nowhere on the page', async () => {
    await page.setViewportSize({ width: 1440, height: 1000 })
    const { problems, knownFigures } = await shownProblems(fleet, page)
    expect(problems).toEqual([])
    // It has looked at figures that are there.
    expect(knownFigures).toBeGreaterThan(40)
  })

  it('would be found: in an answer, on the page', async () => {
    const views = await viewsNow()
    const capable = new Capable(views)
    const esxi = views.vms.find(({ kind, simulated, state }) => kind === 'esxi' && !simulated && state === 'running')
    if (esxi === undefined) throw new Error('no ESXi VM runs')
    const planted = { ...esxi, metrics: { ...esxi.metrics, memoryGuestUsedBytes: 0 } }
    expect(viewProblems('planted', { hosts: [], vms: [planted], arrays: [] }, capable).length).toBeGreaterThan(0)
    await page.goto(`${fleet.url}${vmPath(esxi.uuid)}`)
    await page.locator('figure.chart td').first().waitFor()
    const view = { kind: 'vm', id: esxi.uuid } as const
    expect(pageProblems(view, await figuresOn(page), views, capable)).toEqual([])
    await page
      .locator('div.figure', { hasText: 'Used by the guest' })
      .locator('.figure-value')
      .evaluate((element) => (element.textContent = '0 MiB'))
    expect(pageProblems(view, await figuresOn(page), views, capable)).toHaveLength(1)
  })

  it('is not in the store, and would be found there', async () => {
    const views = await viewsNow()
    const capable = new Capable(views)
    await fleet.stop()
    isStopped = true
    const store = await openEmbeddedStore({
      path: join(fleet.data, 'controller/series.db'),
      log: createLog('test', 'silent'),
      retention: { rawMs: 86_400_000, maxBytes: 1e9 },
      now: Date.now,
    })
    try {
      const { series, values, problems } = await storeProblems(store, capable)
      expect(problems).toEqual([])
      expect(series).toBeGreaterThan(views.vms.length * 2)
      expect(values).toBeGreaterThan(5000)
      const xen = views.vms.find(({ kind }) => kind === 'xen')
      const point = {
        entity: { kind: 'vm', id: xen?.uuid ?? '' },
        atMs: Date.now(),
        fields: { memoryRssBytes: 0 },
      } as const
      await store.write({ points: [point], events: [], marks: [] })
      expect((await storeProblems(store, capable)).problems).toHaveLength(1)
    } finally {
      await store.close()
    }
  })
})
