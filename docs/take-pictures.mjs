// Takes the pictures of the README from a demo that has just begun: npm start in an empty directory, then at once  node docs/take-pictures.mjs LOGIN-LINK
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { chromium } from 'playwright-core'

const link = process.argv[2]
if (link === undefined) throw new Error('usage: node docs/take-pictures.mjs LOGIN-LINK')
const images = fileURLToPath(new URL('images/', import.meta.url))
mkdirSync(images, { recursive: true })
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
})
const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, deviceScaleFactor: 1 })
await page.goto(link)
await page.getByRole('heading', { name: 'Fleet' }).waitFor()
// All of them with figures: until an agent has told of a host it is silent.
await page.locator('li.host-row:not(.stale)').nth(4).waitFor()
await page.screenshot({ path: `${images}fleet.png` })
// What the demo replays: the cache of its array is full half a minute after the start.
await page.getByRole('link', { name: 'iscsi1', exact: true }).first().click()
await page.locator('.cache .state', { hasText: 'full' }).first().waitFor({ timeout: 60_000 })
await page.locator('.culprits', { hasText: 'tritm' }).first().waitFor({ timeout: 30_000 })
const end = await page.locator('.culprits').boundingBox()
await page.screenshot({
  path: `${images}array.png`,
  fullPage: true,
  clip: { x: 0, y: 0, width: 1280, height: Math.ceil((end?.y ?? 0) + (end?.height ?? 0)) + 16 },
})
// A VM by a few letters, from everywhere: what may be done with it, and why it is as it is.
await page.setViewportSize({ width: 1280, height: 860 })
await page.keyboard.press('/')
await page.keyboard.type('kure')
await page.getByRole('option', { name: /^kure/ }).first().waitFor()
await page.keyboard.press('Enter')
await page.getByRole('heading', { name: 'kure', exact: true }).waitFor()
await page.getByRole('button', { name: 'Shut down kure' }).waitFor()
await page.locator('section', { hasText: 'Why it is as it is' }).locator('.findings li').first().waitFor()
await page.screenshot({ path: `${images}vm.png` })
await browser.close()
