import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { capacityView, fleetView, seriesView, vmView } from '../../controller/api/views.js'
import { processesOf, startProduct, temporaryDirectory, type RunningProduct } from '../support/running-product.js'
import { waitFor } from '../support/wait-for.js'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let product: RunningProduct

const vmList = z.object({ vms: z.array(vmView) })

beforeAll(async () => {
  directory = await temporaryDirectory('headroom-e2e-')
  product = await startProduct(directory.path, '--simulate')
})

afterAll(async () => {
  await product.interrupt()
  await directory.remove()
})

async function fleet(): Promise<z.infer<typeof fleetView>> {
  return fleetView.parse(await product.api('/api/v1/fleet'))
}

async function vms(): Promise<z.infer<typeof vmView>[]> {
  return vmList.parse(await product.api('/api/v1/vms?limit=500')).vms
}

describe('npm start on a machine without a hypervisor', () => {
  it('is ready within 15 s and shows the elab, labelled as simulated', async () => {
    expect(product.readyAfterMs).toBeLessThan(15_000)
    expect(product.output()).toContain('SIMULATED')
    await waitFor(10_000, 'all VMs', async () => (await fleet()).vms.running === 31)
    expect(await fleet()).toMatchObject({ simulated: true, hosts: { total: 5, up: 5 }, room: 8 })
    expect((await vms()).every((vm) => vm.simulated)).toBe(true)
  })

  it.each([
    [[], [0, 0, 4, 1], 8],
    [['--reserve', '1GiB'], [0, 1, 5, 2], 12],
  ])('headroom capacity --json %j: rooms %j', async (more, rooms, total) => {
    const capacity = capacityView.parse(JSON.parse(await product.cli('capacity', '--json', ...more)))
    const ofXen = capacity.hosts.filter((host) => host.kind === 'xen').toSorted((a, b) => (a.name < b.name ? -1 : 1))
    expect(ofXen.map((host) => host.room)).toEqual(rooms)
    expect(capacity.fleet).toEqual({ room: total, survivesHostFailure: false })
  })

  it('gives live figures, and leaves out what the hypervisor cannot measure', async () => {
    await waitFor(20_000, 'rates', async () => {
      const mail = (await vms()).find((vm) => vm.name === 'mail')
      return mail?.writeBytesPerSecond !== undefined && mail.cpuCores !== undefined
    })
    const printed: unknown = JSON.parse(await product.cli('vm', 'list', '--json'))
    const mail = z.object({ vms: z.array(z.record(z.string(), z.unknown())) }).parse(printed)
    const row = mail.vms.find((vm) => vm['name'] === 'mail')
    expect(row).toMatchObject({ host: 'xenhv02', state: 'running', memoryBytes: 2 ** 30 })
    expect(row).not.toHaveProperty('writeLatencyMs')
  })

  it('answers health to everybody, metrics to this machine, and nothing else without a token', async () => {
    const statuses = await Promise.all(
      ['/healthz', '/readyz', '/api/v1/vms', '/metrics'].map(
        async (path) => (await fetch(`${product.url}${path}`)).status,
      ),
    )
    expect(statuses).toEqual([200, 200, 401, 200])
  })
})

describe('the page', () => {
  let browser: Browser
  let page: Page
  const complaints: string[] = []

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    })
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => {
      if (!request.url().startsWith(product.url)) complaints.push(`outside request ${request.url()}`)
    })
  })

  afterAll(() => browser.close())

  it('opens by the link that was printed, once', async () => {
    await page.goto(product.loginLink)
    await page.waitForURL(`${product.url}/`)
    await page.getByRole('heading', { name: 'Fleet' }).waitFor()
    const other = await browser.newContext()
    const again = await other.newPage()
    await again.goto(product.loginLink)
    await again.waitForLoadState('networkidle')
    expect(await again.getByRole('heading', { name: 'Fleet' }).count()).toBe(0)
    await other.close()
  })

  it.each([
    ['wide', 1440, 'light'],
    ['narrow', 390, 'light'],
    ['dark', 1440, 'dark'],
  ] as const)('shows fleet, host, VM and capacity: %s', async (_name, width, colorScheme) => {
    await page.setViewportSize({ width, height: 900 })
    await page.emulateMedia({ colorScheme })
    await page.goto(`${product.url}/`)
    await page.getByText('xenhv03').first().waitFor()
    await page.goto(`${product.url}/hosts/xenhv01`)
    await page.getByRole('heading', { name: 'xenhv01' }).waitFor()
    const mail = (await vms()).find((vm) => vm.name === 'mail')
    await page.goto(`${product.url}/vms/${mail?.uuid ?? ''}`)
    await page.getByRole('heading', { name: 'mail', exact: true }).waitFor()
    await page.locator('canvas').first().waitFor()
    expect(await overflow()).toBe(0)
    await page.goto(`${product.url}/`)
    await page.getByRole('link', { name: 'Capacity' }).click()
    await page.getByRole('heading', { name: 'Room for 8 new VMs of 1 GiB' }).waitFor()
    await page.getByText('of the 28 days are known').first().waitFor()
    expect(await overflow()).toBe(0)
  })

  function overflow(): Promise<unknown> {
    return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  }

  it('had nothing to complain about, and asked nobody else', () => {
    expect(complaints).toEqual([])
  })
})

it('a second start goes on where the first ended, and Ctrl-C leaves nothing behind', async () => {
  const mail = (await vms()).find((vm) => vm.name === 'mail')
  const series = async (): Promise<number[]> => {
    const path = `/api/v1/series?entity=vm:${mail?.uuid ?? ''}&fields=memoryBytes&from=-1h&step=0`
    return seriesView.parse(await product.api(path)).rows.map((row) => row[0] ?? 0)
  }
  const before = await series()
  expect(before.length).toBeGreaterThan(0)
  expect(await product.pids()).toHaveLength(3)
  expect(await product.interrupt()).toBe(0)
  expect(await product.pids()).toEqual([])

  product = await startProduct(directory.path, '--simulate')
  await waitFor(15_000, 'the fleet', async () => (await fleet()).hosts.up === 5)
  const after = await series()
  expect(after.slice(0, before.length)).toEqual(before)
  await waitFor(15_000, 'more of the same series', async () => (await series()).length > before.length)
  const log = await readFile(`${directory.path}/controller.log`, 'utf8')
  // Enrolled once, and known ever after.
  expect(log.match(/agent enrolled/g)).toHaveLength(1)
  expect(log).not.toContain('login?key=')
})

it('all ends with npm, also where npm alone is told to end', async () => {
  const data = `${directory.path}/by-npm`
  const ports = ['--http-port', '0', '--grpc-port', '0', '--agent-port', '0']
  const npm = spawn('npm', ['start', '--', '--data', data, '--simulate', ...ports], {
    cwd: resolve(import.meta.dirname, '../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  npm.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  await waitFor(30_000, 'the launcher to be ready', () => Promise.resolve(output.includes('stop ')))
  expect((await processesOf(data)).length).toBeGreaterThanOrEqual(3)
  const ended = once(npm, 'exit')
  npm.kill('SIGTERM')
  await ended
  try {
    await waitFor(15_000, 'its processes to end', async () => (await processesOf(data)).length === 0)
  } finally {
    for (const pid of await processesOf(data)) process.kill(pid, 'SIGTERM')
  }
})
