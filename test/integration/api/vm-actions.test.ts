import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { askableVerbs } from '../../../common/verbs.js'
import { startApiFixture, type ApiFixture } from '../../support/api-fixture.js'
import { policyOf } from '../../support/policy-with.js'

/** What could be asked of a VM, as each role is told it; and that asking that is not asking for it. */

let fixture: ApiFixture
const tokens = new Map<string, string>()
const actions = z.object({
  actions: z.array(
    z.object({ verb: z.string(), ok: z.boolean(), reason: z.string(), approval: z.string().optional() }),
  ),
})

beforeAll(async () => {
  fixture = await startApiFixture()
  fixture.rules.policy = policyOf(`groups:
  - { name: personal, match: [panda], class: personal, owner: kure }
approvals:
  - { verbs: [destroy] }
`)
  for (const [name, role] of [
    ['kure', 'owner'],
    ['vic', 'viewer'],
    ['bob', 'operator'],
  ] as const) {
    const answer = await fixture.ask('/api/v1/tokens', {
      method: 'POST',
      headers: { authorization: `Bearer ${fixture.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name, role }),
    })
    tokens.set(name, z.object({ token: z.string() }).parse(JSON.parse(answer.text)).token)
  }
})
afterAll(() => fixture.stop())

async function told(name: string, vm: string): Promise<z.infer<typeof actions>['actions']> {
  const headers = { authorization: `Bearer ${tokens.get(name)}` }
  const { status, text } = await fixture.ask(`/api/v1/vms/${vm}/actions`, { headers })
  expect(status).toBe(200)
  return actions.parse(JSON.parse(text)).actions
}

describe('what could be asked of a VM', () => {
  it('has every verb that can be asked for, once', async () => {
    expect((await told('bob', 'panda')).map(({ verb }) => verb)).toEqual(askableVerbs)
  })

  it.each([
    ['vic', 'panda', 'shutdown', 'shutdown needs the role owner, and vic is viewer'],
    ['kure', 'panda', 'limit', 'limit needs the role operator, and kure is owner'],
    ['kure', 'mail', 'shutdown', 'nobody says whose VM mail is'],
    ['kure', 'panda', 'start', 'the VM is running; start needs one that is shutoff, crashed'],
    // Its arguments are not looked at: they are still to be typed.
    ['bob', 'mail', 'limit', 'the agent of its host is not connected'],
    ['kure', 'panda', 'shutdown', 'the agent of its host is not connected'],
  ])('%s is told of %s: %s is off, since %s', async (name, vm, verb, reason) => {
    const one = (await told(name, vm)).find((action) => action.verb === verb)
    expect(one).toMatchObject({ ok: false, reason })
  })

  it('says where a second person is needed', async () => {
    const all = await told('bob', 'panda')
    expect(all.filter(({ approval }) => approval !== undefined)).toMatchObject([
      { verb: 'destroy', approval: 'operator' },
    ])
  })

  it('leaves no command and no line in the audit log', async () => {
    const before = z.object({ entries: z.array(z.unknown()) }).parse(await fixture.get('/api/v1/audit'))
    await told('bob', 'panda')
    expect(await fixture.get('/api/v1/commands')).toEqual({ commands: [] })
    expect(await fixture.get('/api/v1/audit')).toEqual(before)
  })
})

describe('the reason of a command', () => {
  async function ask(note: string): Promise<{ readonly status: number; readonly text: string }> {
    return fixture.ask('/api/v1/commands', {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.get('bob')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ verb: 'suspend', vm: 'panda', note }),
    })
  }

  it('stands with it and in the audit log', async () => {
    expect(JSON.parse((await ask('it hammers iscsi1')).text)).toMatchObject({
      note: 'it hammers iscsi1',
      state: 'refused',
    })
    const log = JSON.stringify(await fixture.get('/api/v1/audit'))
    expect(log).toContain('"note":"it hammers iscsi1"')
  })

  it.each(['two\nlines', 'a bell \u0007', 'x'.repeat(501)])('is one line of a bounded length, not %j', async (note) => {
    expect((await ask(note)).status).toBe(400)
  })
})
