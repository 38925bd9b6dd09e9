import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { password, startPageWorld, type PageWorld } from '../support/page-world.js'

/** Settings on the page: what an administrator changes there takes effect, and others are not asked what they may not. */

let world: PageWorld
let ann: Page

beforeAll(async () => {
  world = await startPageWorld({
    users: { ann: 'admin', bob: 'operator' },
    policy: 'groups:\n  - { name: labs, match: [lab], class: personal }\n',
  })
  ann = await world.pageOf('ann')
  await ann.locator('.account summary').click()
  await ann.getByRole('link', { name: 'Settings' }).click()
  await ann.getByRole('heading', { name: 'Settings' }).waitFor()
})
afterAll(() => world?.stop())

const section = (page: Page, name: string): ReturnType<Page['locator']> =>
  page.locator('section', { has: page.getByRole('heading', { name, exact: true }) })

describe('an administrator', () => {
  it('adds a user, who logs in; another role ends that session', async () => {
    const form = ann.getByRole('form', { name: 'Add a user' })
    await form.getByLabel('Name').fill('kure')
    await form.getByLabel('Role').selectOption('owner')
    await form.getByLabel('Password').fill('short')
    await form.getByRole('button', { name: 'Add the user' }).click()
    expect(await form.getByLabel('Password').evaluate((node) => node.matches(':invalid'))).toBe(true)
    await form.getByLabel('Password').fill(password)
    await form.getByRole('button', { name: 'Add the user' }).click()
    await section(ann, 'Users').getByLabel('Role of kure').waitFor()
    const kure = await world.pageOf('kure')
    await kure.getByRole('heading', { name: 'Your VMs' }).waitFor()
    await section(ann, 'Users').getByLabel('Role of kure').selectOption('viewer')
    await kure.getByRole('heading', { name: 'Signed out' }).waitFor()
    await kure.context().close()
    await section(ann, 'Users').getByRole('button', { name: 'Remove kure' }).click()
    await section(ann, 'Users').getByRole('button', { name: 'Remove kure, really' }).click()
    await section(ann, 'Users').getByLabel('Role of kure').waitFor({ state: 'detached' })
  })

  it('makes a token that a program can use, once shown, and revokes it', async () => {
    const tokens = section(ann, 'API tokens')
    await tokens.getByLabel('Name of the program').fill('grafana')
    await tokens.getByRole('button', { name: 'Make the token' }).click()
    const secret = (await tokens.getByLabel('The new token').innerText()).trim()
    const asks = async (): Promise<number> => {
      const headers = { authorization: `Bearer ${secret}` }
      return (await fetch(`${world.url}/api/v1/fleet`, { headers })).status
    }
    expect(await asks()).toBe(200)
    await tokens.getByRole('button', { name: 'Revoke grafana' }).click()
    await tokens.getByRole('button', { name: 'Revoke grafana, really' }).click()
    await tokens.getByRole('button', { name: 'Revoke grafana' }).waitFor({ state: 'detached' })
    expect(await asks()).toBe(401)
  })

  it('gets the command with which a host joins', async () => {
    const join = section(ann, 'Add a host')
    await join.getByLabel('Name of the host').fill('hv07')
    await join.getByRole('button', { name: 'Make a join token' }).click()
    await expect
      .poll(() => join.getByLabel('Command that joins').innerText())
      .toMatch(/^headroom-agent join --controller 127\.0\.0\.1:\d+ --token \S+$/)
    await join.getByText("Only agents on the controller's own machine").waitFor()
    await join.getByRole('button', { name: 'Make void the token for hv07' }).click()
    await join.getByRole('button', { name: 'Make void the token for hv07, really' }).click()
    await join.getByText('for hv07').waitFor({ state: 'detached' })
  })

  it('sees what a policy would do before it is in force', async () => {
    const form = ann.getByRole('form', { name: 'Check a policy' })
    const text = form.getByRole('textbox')
    await expect.poll(() => text.inputValue()).toContain('labs')
    await text.fill('groups: 7\n')
    await form.getByRole('button', { name: 'Check it' }).click()
    await form.getByText(/groups.*expected/).waitFor()
    await text.fill('groups:\n  - { name: labs, match: [nobody], class: personal }\n')
    await form.getByRole('button', { name: 'Check it' }).click()
    await form.getByText('It would be taken.').waitFor()
    await form.getByRole('heading', { name: 'Probably not meant' }).waitFor()
  })

  it('shuts an agent out', async () => {
    const agents = section(ann, 'Agents')
    await agents.getByRole('button', { name: /^Revoke/ }).click()
    await agents.getByRole('button', { name: /, really$/ }).click()
    await agents.getByText('revoked').waitFor()
    expect(await agents.getByRole('button', { name: /^Revoke/ }).count()).toBe(0)
  })
})

it('an operator sees the policy and may check one, and nothing of users and tokens', async () => {
  const bob = await world.pageOf('bob')
  const asked: string[] = []
  bob.on('request', (request) => asked.push(new URL(request.url()).pathname))
  await bob.goto(`${world.url}/settings`)
  await bob.getByText('for administrators; you are operator').waitFor()
  await bob.getByRole('form', { name: 'Check a policy' }).waitFor()
  expect(await bob.getByRole('heading', { name: 'Users' }).count()).toBe(0)
  expect(asked.filter((path) => /users|tokens/.test(path))).toEqual([])
})

it('browsers had nothing to complain about', () => {
  expect(world.complaints.filter((text) => !/\b(401|403|404)\b/.test(text))).toEqual([])
})
