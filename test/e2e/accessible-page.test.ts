import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { axeProblems } from '../support/axe.js'
import { startPageWorld, type PageWorld } from '../support/page-world.js'

/** Every page and state of the page as axe-core sees it, its keys, its size. */

let world: PageWorld
let ann: Page

beforeAll(async () => {
  world = await startPageWorld({
    users: { ann: 'admin', kure: 'owner' },
    policy: `groups:
  - { name: labs, match: [lab], class: personal, owner: kure }
`,
  })
  ann = await world.pageOf('ann')
  await world.api('/commands', { verb: 'suspend', vm: 'lab', note: 'a look' })
})
afterAll(() => world?.stop())

async function paths(): Promise<string[]> {
  const arrays = await world.arrayKeys()
  return [
    '/',
    '/own',
    '/hosts/one',
    `/vms/${await world.uuidOf('mail')}`,
    `/vms/${await world.uuidOf('lab')}`,
    ...arrays.slice(0, 1).map((key) => `/arrays/${encodeURIComponent(key)}`),
    '/alerts',
    '/capacity',
    '/plans',
    '/plans/999',
    '/commands',
    '/commands/1',
    '/audit',
    '/settings',
    '/nowhere',
    '/hosts/nowhere',
    '/alerts/999',
    '/commands/999',
  ]
}

/** The page has said what it is, and what it asks for has come. */
async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.locator('.skeleton').waitFor({ state: 'detached' })
}

describe('axe-core finds nothing', () => {
  it.each([
    ['wide and light', 1400, 'light'],
    ['narrow and dark', 375, 'dark'],
  ] as const)('on any page: %s', async (_name, width, colorScheme) => {
    await ann.setViewportSize({ width, height: 900 })
    await ann.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const problems: string[] = []
    for (const path of await paths()) {
      await ann.goto(`${world.url}${path}`)
      await settled(ann)
      for (const fold of await ann.locator('main details > summary').all()) await fold.click()
      problems.push(...(await axeProblems(ann)).map((text) => `${path} ${text}`))
      if ((await ann.evaluate('document.documentElement.scrollWidth')) !== width) problems.push(`${path} is too wide`)
    }
    expect(problems).toEqual([])
    await ann.setViewportSize({ width: 1400, height: 900 })
  })

  it('while something is asked, found or decided', async () => {
    await ann.goto(`${world.url}/vms/${await world.uuidOf('mail')}`)
    await settled(ann)
    await ann.getByText('More actions').click()
    await ann.getByRole('button', { name: 'Limit disks mail' }).click()
    await ann.getByRole('dialog').waitFor()
    expect(await axeProblems(ann)).toEqual([])
    await ann.keyboard.press('Escape')
    await ann.locator('.account summary').click()
    await ann.keyboard.press('/')
    await ann.keyboard.type('ma')
    await ann.getByRole('option', { name: /mail/ }).waitFor()
    expect(await axeProblems(ann)).toEqual([])
  })

  it('while the fleet loads, when it cannot be read, and when nobody is signed in', async () => {
    const page = await ann.context().newPage()
    await page.route('**/api/v1/fleet', () => undefined)
    await page.goto(`${world.url}/`)
    await page.locator('.skeleton').waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await page.route('**/api/v1/**', (route) =>
      route.fulfill({ status: 503, json: { code: 'store-failed', message: 'the store failed' } }),
    )
    await page.goto(`${world.url}/commands`)
    await page.getByRole('alert').getByText('the store failed').waitFor()
    await page.getByText('No data yet: the store failed.').waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.close()
    const stranger = await (await world.browser.newContext()).newPage()
    await stranger.goto(`${world.url}/`)
    await stranger.getByRole('button', { name: 'Log in' }).first().waitFor()
    expect(await axeProblems(stranger)).toEqual([])
    await stranger.context().close()
  })

  it('while the controller is away, which is said; it is live again by itself afterwards', async () => {
    await ann.goto(`${world.url}/`)
    await settled(ann)
    await world.stopController()
    await ann.getByText('Connection lost. Reconnecting…').waitFor()
    await ann.getByText(/Values are from/).waitFor()
    expect(await axeProblems(ann)).toEqual([])
    await world.startController()
    await ann.locator('[data-connection=live]').waitFor()
    expect(await ann.getByText('Connection lost').count()).toBe(0)
  })
})

describe('the keyboard', () => {
  it('finds a VM by / and some letters, and goes there', async () => {
    await ann.goto(`${world.url}/`)
    await settled(ann)
    await ann.keyboard.press('/')
    await ann.keyboard.type('mai')
    await ann.getByRole('option', { name: /mail/ }).waitFor()
    await ann.keyboard.press('Enter')
    await ann.getByRole('heading', { name: 'mail', exact: true }).waitFor()
    await ann.keyboard.press('/')
    await ann.keyboard.type('nothing is named so')
    await ann.getByText('Nothing is named so.').waitFor()
    await ann.keyboard.press('Escape')
    await ann.getByRole('listbox').waitFor({ state: 'detached' })
    expect(new URL(ann.url()).pathname).toBe(`/vms/${await world.uuidOf('mail')}`)
  })

  it('is enough to shut a VM down, and the focus comes back', async () => {
    const button = ann.getByRole('button', { name: 'Shut down mail' })
    await expect.poll(() => button.isEnabled()).toBe(true)
    await button.focus()
    await ann.keyboard.press('Enter')
    await ann.getByRole('dialog').waitFor()
    await ann.keyboard.press('Escape')
    await ann.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await button.evaluate((node) => node === node.ownerDocument.activeElement)).toBe(true)
  })
})

it('takes at most 200 KiB of script, packed, before anything is seen', async () => {
  const page = await readFile('dist/web/index.html', 'utf8')
  const entries = [...page.matchAll(/src="\.?\/([^"]+\.js)"/g)].map(([, path = '']) => path)
  expect(entries.length).toBeGreaterThan(0)
  const sizes = await Promise.all(entries.map(async (path) => gzipSync(await readFile(join('dist/web', path))).length))
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(200 * 1024)
  expect((await readdir('dist/web/assets')).some((name) => name.endsWith('.map'))).toBe(false)
})
