import { resolve } from 'node:path'

import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { finding } from '../../controller/model/finding.js'
import { plainSettings } from '../support/alerts/timeline.js'
import { startApiFixture, type ApiFixture } from '../support/api-fixture.js'
import { hostIdOf, uuidOf } from '../support/snapshot-builder.js'

const panda = { kind: 'vm', id: uuidOf('panda'), name: 'panda' } as const
const xenhv01 = { kind: 'host', id: hostIdOf('xenhv01'), name: 'xenhv01' } as const

const hammered = finding({
  check: 'array-hammered',
  severity: 'critical',
  subject: panda,
  message: 'writes 61 MB/s to iscsi1, more than it drains; its neighbours wait 20 ms',
  evidence: [
    { entityKind: 'vm', entityId: panda.id, field: 'writeBytesPerSecond', value: 61e6, limit: 25e6 },
    { entityKind: 'vm', entityId: panda.id, field: 'writeRequestsPerSecond', value: 900, limit: undefined },
  ],
  related: [{ role: 'victim', subject: { kind: 'vm', id: uuidOf('mail'), name: 'mail' } }],
})
const reserve = finding({
  check: 'into-reserve',
  severity: 'warning',
  subject: xenhv01,
  message: 'its VMs reach 512 MiB into the 2 GiB kept for the hypervisor; no room',
})

let fixture: ApiFixture
let browser: Browser
let page: Page
const problems: string[] = []

/** The page counts ages on the controller's clock: that of the test is set to now. */
async function look(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    fixture.clock.now += 1000
    await fixture.desk.step()
  }
}

beforeAll(async () => {
  fixture = await startApiFixture({ staticDir: resolve('dist/web') })
  fixture.clock.now = Date.now() - 3_500_000
  fixture.checks.settings = { ...plainSettings, defaultHold: { raiseAfterMs: 0, clearAfterMs: 0 } }
  for (let minute = 0; minute < 58; minute += 1) {
    const at = fixture.clock.now + minute * 60_000
    await fixture.store.write({
      points: Array.from({ length: 6 }, (_, ten) => ({
        entity: { kind: 'vm' as const, id: panda.id },
        atMs: at + ten * 10_000,
        fields: {
          writeBytesPerSecond: minute < 40 ? 2e6 : 61e6 + ten * 1e5,
          writeRequestsPerSecond: 20 * (minute + 1),
        },
      })),
      events: [],
      marks: [],
    })
  }
  fixture.clock.now = Date.now() - 20_000
  fixture.checks.findings = [hammered, reserve]
  await look(10)
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  })
  page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(error.message))
  await page.goto(await fixture.api.loginLink())
})
afterAll(async () => {
  await browser.close()
  await fixture.stop()
})

describe('the page of alerts', () => {
  it('is one click from every page, which says how many want somebody', async () => {
    const link = page.getByRole('link', { name: '2 alerts' })
    await link.click()
    await page.getByRole('heading', { name: '2 alerts fire' }).waitFor()
    const rows = page.getByRole('table', { name: 'Alerts that fire' }).getByRole('row')
    // The most severe first, whatever was first by time.
    expect(await rows.nth(1).textContent()).toContain('array-hammered')
    expect(await rows.nth(2).textContent()).toContain('into-reserve')
    await page.getByText('fired critical').first().waitFor()
  })

  it('says what is silenced, for how long, by whom and why', async () => {
    expect(await page.getByRole('heading', { name: 'Silences in force' }).count()).toBe(0)
    const match = { check: 'into-*', subject: 'host:xenhv0*' }
    const silence = await fixture.desk.addSilence(match, 7_200_000, 'ann', 'new memory comes on Monday')
    await look(1)
    const row = page.getByRole('table', { name: 'Silences in force' }).getByRole('row').nth(1)
    expect(await row.innerText()).toMatch(/into-\* of host:xenhv0\*\s+(2h|1h 59m)\s+ann\s+new memory comes on Monday/)
    await page.getByRole('table', { name: 'Alerts that fire' }).getByText('silenced').waitFor()
    await fixture.desk.endSilence(silence?.id ?? '')
    await look(1)
    await page.getByRole('heading', { name: 'Silences in force' }).waitFor({ state: 'detached' })
  })

  it('shows the figures that an alert rests on, with the limit drawn across', async () => {
    await page.getByRole('link', { name: '#1', exact: true }).first().click()
    await page.getByRole('heading', { name: '#1 array-hammered' }).waitFor()
    const chart = page.getByRole('figure', { name: /Bytes written/ })
    await chart.locator('canvas').waitFor()
    await expect.poll(() => chart.getByRole('row', { name: /limit/ }).textContent()).toContain('25 MB/s')
    await expect.poll(() => chart.getByRole('row', { name: /bytes written/ }).textContent()).toMatch(/61(\.\d)? MB\/s/)
    await page.getByRole('heading', { name: 'panda, last hour' }).waitFor()
    expect(await page.locator('.alert-facts').innerText()).toMatch(/Who suffers\s+mail/)
    expect(await redPixels(page)).toBeGreaterThan(100)
  })

  it('acknowledges it with a word', async () => {
    await page.getByLabel('What is being done').fill('asking its owner')
    await page.getByRole('button', { name: 'Acknowledge' }).click()
    await page.getByText('asking its owner').first().waitFor()
    await page.getByRole('link', { name: '1 alert', exact: true }).waitFor()
    expect(fixture.desk.alert(1)?.acknowledged?.note).toBe('asking its owner')
  })

  it.each([
    ['narrow', 375, 'light'],
    ['narrow and dark', 375, 'dark'],
    ['wide and dark', 1400, 'dark'],
  ] as const)('fits: %s', async (_name, width, colorScheme) => {
    await page.setViewportSize({ width, height: 900 })
    await page.emulateMedia({ colorScheme })
    for (const path of ['/alerts', '/alerts/1']) {
      await page.goto(`${fixture.api.url}${path}`)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.getByText('fired critical').first().waitFor()
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
    }
  })

  it('goes on telling of one that is over', async () => {
    fixture.checks.findings = [reserve]
    await look(2)
    await page.getByText('is over').first().waitFor()
    await page.goto(`${fixture.api.url}/alerts/99`)
    await page.getByRole('heading', { name: 'No alert 99' }).waitFor()
    // What was asked for and not there is an error of the network to a browser.
    expect(problems.filter((text) => !text.includes('404'))).toEqual([])
  })
})

/** Pixels of the first chart in the colour of limits. */
async function redPixels(page: Page): Promise<number> {
  return Number(
    await page.evaluate(`(() => {
      const canvas = document.querySelector('canvas')
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      let red = 0
      for (let at = 0; at < data.length; at += 4) {
        if (data[at] > 150 && data[at + 1] < 110 && data[at + 2] < 110 && data[at + 3] > 200) red += 1
      }
      return red
    })()`),
  )
}
