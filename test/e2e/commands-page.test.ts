import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { startPageWorld, type PageWorld } from '../support/page-world.js'
import { waitFor } from '../support/wait-for.js'

/** Commands on the page, as people of each role give them: a controller, an agent that obeys, Chromium. */

let world: PageWorld
let ann: Page
const commandList = z.object({
  commands: z.array(z.object({ verb: z.string(), args: z.record(z.string(), z.string()) })),
})
const vmState = z.object({ state: z.string() })

beforeAll(async () => {
  world = await startPageWorld({
    users: { ann: 'admin', bob: 'operator', kure: 'owner', vic: 'viewer' },
    forbidden: ['reset'],
    policy: `groups:
  - { name: labs, match: [lab], class: personal, owner: kure }
approvals:
  - { verbs: [destroy], vms: [www] }
`,
  })
  ann = await world.pageOf('ann')
})
afterAll(() => world?.stop())

async function stateOf(vm: string): Promise<string> {
  return vmState.parse(await world.api(`/vms/${vm}`)).state
}

async function openVm(page: Page, vm: string): Promise<void> {
  await page.goto(`${world.url}/vms/${await world.uuidOf(vm)}`)
  await page.getByRole('heading', { name: vm, exact: true }).waitFor()
}

const action = (page: Page, name: string): ReturnType<Page['getByRole']> =>
  page.getByRole('button', { name, exact: true })

describe('a VM', () => {
  it('is shut down and started from its page, with a reason that stays', async () => {
    await openVm(ann, 'mail')
    await action(ann, 'Shut down mail').click()
    const dialog = ann.getByRole('dialog', { name: 'Shut down: mail' })
    await dialog.getByLabel('Reason').fill('new kernel')
    await dialog.getByRole('button', { name: 'Shut down mail' }).click()
    await ann.locator('.last-asked').getByText('succeeded').waitFor()
    expect(await stateOf('mail')).toBe('shutoff')
    // The page hears of it, and offers what can be done now.
    await expect.poll(() => action(ann, 'Start mail').isEnabled()).toBe(true)
    expect(await action(ann, 'Reboot mail').isDisabled()).toBe(true)
    await action(ann, 'Start mail').click()
    await ann.getByRole('dialog').getByRole('button', { name: 'Start mail' }).click()
    await ann.locator('.last-asked').getByText('succeeded').waitFor()
    await waitFor(10_000, 'the VM to run', async () => (await stateOf('mail')) === 'running')
    await ann.goto(`${world.url}/commands`)
    const rows = ann.getByRole('table', { name: 'Commands' }).getByRole('row')
    await expect.poll(() => rows.nth(1).innerText()).toMatch(/start.*mail[\s\S]*ann[\s\S]*succeeded/)
    await rows.nth(2).getByRole('link', { name: /^#/ }).click()
    await ann.getByText('new kernel').waitFor()
  })

  it('says of each thing that cannot be done why not', async () => {
    await openVm(ann, 'mail')
    const start = ann.getByRole('listitem').filter({ has: action(ann, 'Start mail') })
    await expect.poll(() => start.innerText()).toContain('the VM is running; start needs one that is')
    await ann.getByText('More actions').click()
    const reset = ann.getByRole('listitem').filter({ has: action(ann, 'Reset mail') })
    await expect.poll(() => reset.innerText()).toContain("the agent's configuration does not allow reset")
    expect(await action(ann, 'Reset mail').isDisabled()).toBe(true)
  })

  it('is ended at once only by who types its name', async () => {
    await openVm(ann, 'lab')
    await ann.getByText('More actions').click()
    await action(ann, 'End at once lab').click()
    const dialog = ann.getByRole('dialog')
    const go = dialog.getByRole('button', { name: 'End at once lab' })
    expect(await go.isDisabled()).toBe(true)
    await dialog.getByLabel('Type lab to go on').fill('labs')
    expect(await go.isDisabled()).toBe(true)
    await ann.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(await stateOf('lab')).toBe('running')
    await action(ann, 'End at once lab').click()
    await dialog.getByLabel('Type lab to go on').fill('lab')
    await go.click()
    await ann.locator('.last-asked').getByText('succeeded').waitFor()
    expect(await stateOf('lab')).toBe('shutoff')
  })

  it('is limited by a form whose wrong values are told', async () => {
    await openVm(ann, 'www')
    await ann.getByText('More actions').click()
    await action(ann, 'Limit disks www').click()
    const dialog = ann.getByRole('dialog')
    await dialog.getByLabel(/^write:/).fill('5 parrots')
    await dialog.getByLabel(/^for:/).fill('30m')
    await dialog.getByRole('button', { name: 'Limit disks www' }).click()
    await dialog.getByText('write of limit is a rate').waitFor()
    await dialog.getByLabel(/^write:/).fill('5MiB/s')
    await dialog.getByRole('button', { name: 'Limit disks www' }).click()
    await ann.locator('.last-asked').getByText('succeeded').waitFor()
    const [limit] = commandList.parse(await world.api('/commands?limit=1')).commands
    expect(limit).toMatchObject({ verb: 'limit', args: { write: '5MiB/s', for: '30m' } })
  })
})

describe('a second person', () => {
  it('approves on the page what the first one asked for there', async () => {
    await openVm(ann, 'www')
    await ann.getByText('More actions').click()
    await ann.getByText('another operator has to approve it').first().waitFor()
    await action(ann, 'End at once www').click()
    await ann.getByLabel('Type www to go on').fill('www')
    await ann.getByRole('dialog').getByRole('button', { name: 'End at once www' }).click()
    await ann.locator('.last-asked').getByText('waits for approval').waitFor()
    await ann.locator('.last-asked').getByRole('link').click()
    await ann.getByText('You asked for it: another operator has to approve it.').waitFor()
    const bob = await world.pageOf('bob')
    await bob.goto(ann.url())
    await bob.getByRole('button', { name: 'Approve destroy www' }).click()
    await bob.locator('.page-head').getByText('succeeded').waitFor()
    await ann.locator('.page-head').getByText('succeeded').waitFor()
    expect(await stateOf('www')).toBe('shutoff')
    await bob.goto(`${world.url}/audit`)
    await bob.getByText('Whole:').waitFor()
    await bob.getByText('approved').first().waitFor()
    await bob.context().close()
  })
})

describe('who may less', () => {
  it('a viewer is offered nothing, and sees no audit log', async () => {
    const vic = await world.pageOf('vic')
    await openVm(vic, 'mail')
    await vic.locator('.figures').first().waitFor()
    expect(await vic.getByRole('heading', { name: 'Actions' }).count()).toBe(0)
    await vic.goto(`${world.url}/audit`)
    await vic.getByText('for operators and administrators; you are viewer').waitFor()
    await vic.context().close()
  })

  it('an owner comes to his own VMs, starts one there, and no other', async () => {
    const kure = await world.pageOf('kure')
    await kure.getByRole('heading', { name: 'Your VMs' }).waitFor()
    const own = kure.getByRole('article')
    await expect.poll(() => own.count()).toBe(1)
    expect(await own.getByRole('heading', { level: 2 }).innerText()).toBe('lab')
    await action(kure, 'Start lab').click()
    await kure.getByRole('dialog').getByRole('button', { name: 'Start lab' }).click()
    await own.locator('.last-asked').getByText('succeeded').waitFor()
    await own.locator('.state-line').getByText('running').waitFor()
    await own.getByRole('link', { name: 'Charts of lab, and why it is slow' }).click()
    await kure.getByRole('heading', { name: 'Why it is as it is' }).waitFor()
    await kure.getByText(/Nothing is known that needs somebody|needs? somebody/).waitFor()
    await kure.locator('canvas').first().waitFor()
    await openVm(kure, 'mail')
    const shutdown = kure.getByRole('listitem').filter({ has: action(kure, 'Shut down mail') })
    await expect.poll(() => shutdown.innerText()).toContain('nobody says whose VM mail is')
    expect(await action(kure, 'Shut down mail').isDisabled()).toBe(true)
    // What the page does not offer is refused as well.
    const asked = await kure.request.post(`${world.url}/api/v1/commands`, {
      data: { verb: 'shutdown', vm: 'mail' },
      headers: { 'sec-fetch-site': 'same-origin' },
    })
    expect([vmState.parse(await asked.json()).state, await stateOf('mail')]).toEqual(['refused', 'running'])
    await kure.context().close()
  })
})

it('takes a host into maintenance, and out of it', async () => {
  await ann.goto(`${world.url}/hosts/one`)
  await ann.getByLabel('Reason').fill('new disks')
  await ann.getByRole('button', { name: 'Take one into maintenance' }).click()
  await ann.getByText('It takes no VMs since').waitFor()
  await ann.getByText('new disks').waitFor()
  expect(await world.api('/hosts/one')).toMatchObject({ maintenance: { by: 'ann', reason: 'new disks' } })
  await ann.getByRole('button', { name: 'Let one take VMs again' }).click()
  await ann.getByRole('button', { name: 'Take one into maintenance' }).waitFor()
})

describe('a session', () => {
  it('ends by its button, everywhere in that browser, and at once when its user is removed', async () => {
    const bob = await world.pageOf('bob')
    await bob.locator('.account summary').click()
    await bob.getByRole('button', { name: 'Sign out' }).click()
    await bob.getByRole('heading', { name: 'Signed out' }).waitFor()
    expect((await bob.request.get(`${world.url}/api/v1/session`)).status()).toBe(401)
    const vic = await world.pageOf('vic')
    await world.api('/users/vic/remove', {})
    await vic.getByRole('heading', { name: 'Signed out' }).waitFor()
  })

  it('is not to be used by the page of another site', async () => {
    const { request } = ann.context()
    const uuid = await world.uuidOf('mail')
    const asked = await request.post(`${world.url}/api/v1/commands`, {
      data: { verb: 'shutdown', vm: uuid },
      headers: { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' },
    })
    expect([asked.status(), await stateOf('mail')]).toEqual([403, 'running'])
  })

  it('is not begun with a password that is tried too often, and that is said', async () => {
    const context = await world.browser.newContext()
    const page = await context.newPage()
    await page.goto(`${world.url}/login`)
    const wait = page.getByText(/too many wrong tokens or passwords; wait \d+ s/)
    for (let round = 0; round < 12 && (await wait.count()) === 0; round += 1) {
      await page.getByLabel('Name').fill('kure')
      await page.getByLabel('Password').fill('wrong horse battery')
      await page.getByRole('button', { name: 'Log in' }).first().click()
      await page.getByRole('alert').waitFor()
    }
    await wait.waitFor()
    expect(await page.locator('.account').count()).toBe(0)
    await context.close()
  })
})

it.each([
  ['wide', 1400, 'light'],
  ['narrow', 375, 'light'],
  ['dark', 1400, 'dark'],
] as const)('fits: %s', async (name, width, colorScheme) => {
  await ann.setViewportSize({ width, height: 900 })
  await ann.emulateMedia({ colorScheme })
  const pictures = process.env['HEADROOM_PICTURES']
  for (const path of [
    '/commands',
    '/commands/1',
    '/audit',
    `/vms/${await world.uuidOf('mail')}`,
    '/hosts/one',
    '/own',
  ]) {
    await ann.goto(`${world.url}${path}`)
    await ann.locator('main :is(table, .figures, .audit, .empty)').first().waitFor()
    expect([path, await ann.evaluate('document.documentElement.scrollWidth')]).toEqual([path, width])
    if (pictures !== undefined)
      await ann.screenshot({ path: `${pictures}/commands-${name}${path.replaceAll('/', '-').slice(0, 12)}.png` })
  }
})

it('browsers had nothing to complain about, and asked nobody else', () => {
  // What was refused is an error of the network to a browser.
  expect(world.complaints.filter((text) => !/\b(401|403|429|404)\b/.test(text))).toEqual([])
})
