// Takes the pictures of the README from a running demo: npm start, then  node docs/take-pictures.mjs LOGIN-LINK
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
await page.locator('li.host-row').nth(4).waitFor()
await page.screenshot({ path: `${images}fleet.png` })
await browser.close()
