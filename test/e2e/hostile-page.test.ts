import { resolve } from 'node:path'

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { finding } from '../../controller/model/finding.js'
import { startApiFixture, type ApiFixture } from '../support/api-fixture.js'
import { openBrowser } from '../support/mixed-fleet.js'
import { plainSettings } from '../support/alerts/timeline.js'
import { buildSnapshot, uuidOf } from '../support/snapshot-builder.js'

/** What guests, hosts and strangers may say and send, and what becomes of it in a browser. */

const script = `<script>window.owned=1</script><img src=x onerror=window.owned=1><svg onload=window.owned=1>`
const evilVm = `evil"${script}`
const evilHost = `host'${script}`

let fixture: ApiFixture
let browser: Browser
let page: Page
const requests: string[] = []

beforeAll(async () => {
  fixture = await startApiFixture({ staticDir: resolve('dist/web') })
  fixture.clock.now = Date.now()
  fixture.fleet.set(
    buildSnapshot({
      hosts: [{ name: evilHost, memoryMiB: 4096 }],
      vms: [{ name: evilVm, host: evilHost, memoryMiB: 512 }],
    }),
  )
  fixture.checks.settings = { ...plainSettings, defaultHold: { raiseAfterMs: 0, clearAfterMs: 0 } }
  fixture.checks.findings = [
    finding({
      check: 'vm-crashed',
      severity: 'critical',
      subject: { kind: 'vm', id: uuidOf(evilVm), name: evilVm },
      message: `its console said ${script}`,
    }),
  ]
  await fixture.desk.step()
  browser = await openBrowser()
  page = await browser.newPage()
  page.on('request', (request) => requests.push(request.url()))
  await page.goto(await fixture.api.loginLink())
})
afterAll(async () => {
  await browser.close()
  await fixture.stop()
})

describe('markup in names', () => {
  it.each([
    ['the fleet', () => '/'],
    ['a host', () => `/hosts/${encodeURIComponent(evilHost)}`],
    ['a VM', () => `/vms/${uuidOf(evilVm)}`],
    ['alerts', () => '/alerts'],
    ['an alert', () => '/alerts/1'],
    ['a host that is not there', () => `/hosts/${encodeURIComponent(script)}`],
  ])('is text on the page of %s', async (_what, path) => {
    await page.goto(`${fixture.api.url}${path()}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await expect.poll(() => page.locator('main').innerText()).toContain('<script>')
    expect(
      await page.evaluate(
        '[window.owned, document.querySelectorAll("main script, main img, main svg[onload]").length]',
      ),
    ).toEqual([undefined, 0])
  })

  it('asked nobody else for anything', () => {
    expect(requests.filter((url) => !url.startsWith(fixture.api.url) && !url.startsWith('data:'))).toEqual([])
  })
})

it('is shown in no frame of another site', async () => {
  const frame = await browser.newPage()
  const refusals: string[] = []
  frame.on('console', (message) => refusals.push(message.text()))
  await frame.setContent(`<iframe src="${fixture.api.url}/login"></iframe>`)
  await expect.poll(() => refusals.join()).toMatch(/frame-ancestors|X-Frame-Options/)
  await frame.close()
})

it('runs no script that somebody put into it', async () => {
  await page.goto(`${fixture.api.url}/`)
  await page.evaluate(`(() => {
    const script = document.createElement('script')
    script.textContent = 'window.owned = 1'
    document.body.append(script)
    document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.owned=1">')
  })()`)
  const { headers } = await fixture.ask('/')
  expect(headers['content-security-policy']).toContain("script-src 'self'")
  expect(await page.evaluate('window.owned')).toBeUndefined()
})

it.each([
  '/../package.json',
  '/..%2fpackage.json',
  '/%2e%2e/package.json',
  '/assets/..%2f..%2f..%2fpackage.json',
  '/assets/%5c..%5c..%5cpackage.json',
])('gives no file beside its own: %s', async (path) => {
  const { text } = await fixture.ask(path, { headers: { authorization: `Bearer ${fixture.token}` } })
  expect(text).not.toContain('devDependencies')
})

it('takes no session from a stranger: a cookie that was set before the login is another one afterwards', async () => {
  const context = await browser.newContext()
  await context.addCookies([{ name: 'headroom_session', value: 'chosen-by-a-stranger', url: fixture.api.url }])
  const victim = await context.newPage()
  await victim.goto(await fixture.api.loginLink())
  await victim.locator('.account').waitFor()
  const [cookie] = await context.cookies(fixture.api.url)
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
  expect(cookie?.value).not.toBe('chosen-by-a-stranger')
  const headers = { cookie: 'headroom_session=chosen-by-a-stranger' }
  expect((await fixture.ask('/api/v1/session', { headers })).status).toBe(401)
  await context.close()
})
