import { resolve } from 'node:path'

import { chromium, type Browser, type Locator, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startApiFixture, type ApiFixture } from '../support/api-fixture.js'
import { elabSnapshot } from '../support/elab-fleet.js'
import { hostIdOf } from '../support/snapshot-builder.js'
import {
  diskHealth,
  mdArray,
  physicalDrive,
  raidController,
  storageHealth,
  thinPool,
  virtualDrive,
} from '../support/storage-health.js'

const minute = 60_000

let fixture: ApiFixture
let browser: Browser
let page: Page
const problems: string[] = []

beforeAll(async () => {
  fixture = await startApiFixture({ staticDir: resolve('dist/web') })
  fixture.clock.now = Date.now()
  const readAt = Date.now() - minute
  const elab = elabSnapshot()
  const id = hostIdOf('xenhv01')
  const host = elab.hosts.get(id)
  if (host === undefined) throw new Error('no xenhv01')
  const unreadFileSystems = [{ mount: '/vms', device: 'filer:/vms', type: 'nfs4', reason: 'no answer within 2 s' }]
  const health = storageHealth({
    sources: [
      { name: 'md', state: 'read', reason: '', readAt },
      { name: 'raid-controller', state: 'read', reason: '', readAt },
      { name: 'smart', state: 'failed', reason: 'smartctl: no answer in 30 s', readAt: readAt - 10 * minute },
      { name: 'lvm', state: 'not-here', reason: '/usr/sbin/lvm is not there', readAt: undefined },
    ],
    mdArrays: [
      mdArray({
        device: 'md0',
        inSyncDevices: 1,
        members: [
          { device: 'sda1', state: 'active' },
          { device: 'sdb1', state: 'faulty' },
        ],
        syncAction: 'recover',
        syncFraction: 0.126,
        syncBytesPerSecond: undefined,
      }),
      mdArray({ device: 'md1', level: 'raid0', devices: undefined, inSyncDevices: undefined, sizeBytes: undefined }),
    ],
    raidControllers: [
      raidController({
        batteryState: 'failed',
        virtualDrives: [virtualDrive({ state: 'degraded' })],
        physicalDrives: [physicalDrive({ mediaErrors: 12, smartAlert: true })],
      }),
    ],
    disks: [
      diskHealth({ device: 'sda', pendingSectors: 8, usedFraction: undefined, temperatureCelsius: undefined }),
      diskHealth({ device: 'sdb', passed: undefined, pendingSectors: undefined, mediaErrors: undefined }),
    ],
    pools: [thinPool({ sizeBytes: undefined, dataFraction: 0.93, metadataFraction: undefined })],
  })
  fixture.fleet.set({
    ...elab,
    hosts: new Map(elab.hosts).set(id, { ...host, storageHealth: health, unreadFileSystems }),
  })
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

/** The text of each cell of a table, what only screen readers say left out. */
async function cellsOf(table: Locator): Promise<string[][]> {
  const rows = await table.locator('tbody tr').all()
  return Promise.all(
    rows.map(async (row) =>
      Promise.all(
        (await row.locator('th, td').all()).map(async (cell) =>
          (await cell.innerText())
            .replace(/not told|used of \S+/g, '')
            .replace(/\s+/g, ' ')
            .trim(),
        ),
      ),
    ),
  )
}

describe('the page of a host whose storage is not well', () => {
  beforeAll(async () => {
    await page.goto(`${fixture.api.url}/hosts/xenhv01`)
    await page.getByRole('heading', { name: 'Health of its storage' }).waitFor()
  })

  it.each<[string, string[][]]>([
    [
      'RAID arrays',
      [
        ['md0', 'raid1', 'active', '1 of 2', 'recover 12%', '1 TB', 'sda1, sdb1 (faulty)'],
        ['md1', 'raid0', 'active', '–', 'no', '–', 'sda1, sdb1'],
      ],
    ],
    ['RAID controllers', [['c0', 'optimal', 'bbu: failed', 'PERC H730P', '62H00P1']]],
    [
      'Drives of RAID controllers',
      [
        ['c0 0/239', 'raid5', 'degraded', 'data, cache write-back'],
        ['c0 32:0', 'drive', 'online', 'ST2000NM0135, 12 media errors, SMART alert'],
      ],
    ],
    [
      'Health of disks',
      [
        ['sda ST4000NM0035', 'passed', '8', '0', '0', '0', '–', '100 %', '–'],
        ['sdb ST4000NM0035', '–', '–', '0', '0', '–', '10 %', '100 %', '31 °C'],
      ],
    ],
    ['Storage pools', [['vg0/thin', 'thin-pool', '–', '93 %', '–', '–']]],
  ])('%s: what is known, and a dash for what is not', async (name, expected) => {
    expect(await cellsOf(page.getByRole('table', { name, exact: true }))).toEqual(expected)
  })

  it('says of every source whether it was read, and why not', async () => {
    const cells = await cellsOf(page.getByRole('table', { name: 'What is read of it' }))
    expect(cells.map(([what, state, read, why]) => [what, state, read?.replace(/\d+s /, ''), why])).toEqual([
      ['software RAID (md)', 'read', '1m ago', ''],
      ['RAID controllers (storcli)', 'read', '1m ago', ''],
      ['disks (SMART)', 'failed', '11m ago', 'smartctl: no answer in 30 s'],
      ['pools (LVM)', 'not here', 'never', '/usr/sbin/lvm is not there'],
    ])
  })

  it('says of figures from before that they are', async () => {
    const note = page.getByText('Could not be read: smartctl: no answer in 30 s.')
    expect(await note.innerText()).toMatch(/This is as it was 11m( \d+s)? ago\.$/)
    expect(await page.getByRole('table', { name: 'Health of disks' }).locator('tr.stale').count()).toBe(2)
    expect(await page.getByRole('table', { name: 'RAID arrays' }).locator('tr.stale').count()).toBe(0)
  })

  it('says of a file system that does not answer that it is there', async () => {
    expect(await page.getByRole('table', { name: 'File systems', exact: true }).count()).toBe(0)
    expect(await cellsOf(page.getByRole('table', { name: 'File systems that did not answer' }))).toEqual([
      ['/vms', 'filer:/vms', 'no answer within 2 s'],
    ])
  })

  it('fits a telephone', async () => {
    await page.setViewportSize({ width: 375, height: 900 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(375)
    await page.setViewportSize({ width: 1400, height: 900 })
  })
})

it('says of a host that tells nothing of its storage that it does not', async () => {
  await page.goto(`${fixture.api.url}/hosts/esxhv01`)
  await page.getByText('Its agent tells nothing of it.').waitFor()
  expect(await page.getByRole('table', { name: 'What is read of it' }).count()).toBe(0)
  expect(problems).toEqual([])
})
