import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { fleetView, policyCheckView, policyTextView, policyView, vmView } from '../../../controller/api/views.js'
import { defaultPolicy } from '../../../controller/policy/policy-file.js'
import { policyHash } from '../../../controller/policy/policy-version.js'
import { startApiFixture, type Answer, type ApiFixture } from '../../support/api-fixture.js'
import { elabGoldenExceptions, elabGoldenFindings } from '../../support/elab-golden.js'
import { elabPolicy, elabPolicyFile } from '../../support/elab-policy.js'
import { policyOf } from '../../support/policy-with.js'

let fixture: ApiFixture
beforeAll(async () => {
  fixture = await startApiFixture()
})
afterAll(async () => {
  await fixture.stop()
})

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return fixture.ask(path, {
    method: 'POST',
    headers: { authorization: `Bearer ${fixture.token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

async function check(text: string): Promise<ReturnType<typeof policyCheckView.parse>> {
  const answer = await post('/api/v1/policy/check', { text })
  expect(answer.status).toBe(200)
  return policyCheckView.parse(JSON.parse(answer.text))
}

describe('the policy in force', () => {
  it('is that of the defaults where the configuration names no file', async () => {
    const view = policyView.parse(await fixture.get('/api/v1/policy'))
    expect(view).toMatchObject({ effective: { limits: { vmMemory: '1GiB', hostReserve: '2GiB' }, groups: [] } })
    expect(Object.keys(view)).toEqual(['effective'])
    expect(fleetView.parse(await fixture.get('/api/v1/fleet')).policy).toEqual({})
  })

  it('has its file, its version, and what is wrong with the file now', async () => {
    const from = { file: '/etc/headroom/policy.yaml', modifiedAt: 1, author: 'admin', occasion: 'change' } as const
    const version = await fixture.history.record({ at: 2, hash: policyHash('a'), text: 'a', ...from })
    const problems = [{ key: 'limit', line: 1, expected: 'a known key', got: 'unknown key "limit"' }]
    const problem = { since: 3, message: 'p.yaml:1: limit: expected a known key', problems }
    Object.assign(fixture.rules, { policy: policyOf('apart: [[a, b]]'), file: from.file, version, problem })
    expect(policyView.parse(await fixture.get('/api/v1/policy'))).toMatchObject({
      file: from.file,
      version,
      problem,
      effective: { apart: [['a', 'b']] },
    })
    const fleet = fleetView.parse(await fixture.get('/api/v1/fleet'))
    expect(fleet.policy).toEqual({ version: version.number, problem: problem.message })
    expect(fleet.findings).toContainEqual({
      check: 'policy-file',
      severity: 'warning',
      subject: 'fleet',
      message: 'the policy file is not what is in force: p.yaml:1: limit: expected a known key',
    })
    Object.assign(fixture.rules, { policy: defaultPolicy, file: undefined, version: undefined, problem: undefined })
    expect(fleetView.parse(await fixture.get('/api/v1/fleet')).policy).toEqual({})
  })

  it('says who a VM is, and which rule said so', async () => {
    fixture.rules.policy = elabPolicy()
    expect(vmView.parse(await fixture.get('/api/v1/vms/kure'))).toMatchObject({
      class: 'personal',
      group: 'personal',
      owner: 'kure',
      labelOrigins: { class: 'groups.2', group: 'groups.2', owner: 'groups.2' },
    })
    const { findings } = fleetView.parse(await fixture.get('/api/v1/fleet'))
    expect(
      findings.filter(({ check: name }) => name === 'personal-on-core-array').map(({ subject }) => subject),
    ).toEqual(['vm:kure', 'vm:tritm', 'vm:ictepc'])
    fixture.rules.policy = defaultPolicy
    expect(vmView.parse(await fixture.get('/api/v1/vms/kure'))).toMatchObject({ labelOrigins: {} })
  })
})

describe('the history', () => {
  it('lists versions, and gives one with its text', async () => {
    const from = { file: '/etc/headroom/policy.yaml', modifiedAt: 1, author: 'admin', occasion: 'change' } as const
    const { number } = await fixture.history.record({ at: 2, hash: policyHash('b'), text: 'b', ...from })
    const list = await fixture.get('/api/v1/policy/history')
    expect(list).toMatchObject({ versions: expect.arrayContaining([expect.objectContaining({ number })]) })
    expect(JSON.stringify(list)).not.toContain('"text"')
    expect(policyTextView.parse(await fixture.get(`/api/v1/policy/history/${number}`)).text).toBe('b')
  })

  it.each<[string, number, string]>([
    ['999', 404, 'policy-version-unknown'],
    ['0', 400, 'request-invalid'],
    ['-1', 400, 'request-invalid'],
    ['__proto__', 400, 'request-invalid'],
  ])('of %s is %i', async (number, status, code) => {
    const answer = await fixture.ask(`/api/v1/policy/history/${number}`, {
      headers: { authorization: `Bearer ${fixture.token}` },
    })
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([status, { code }])
  })
})

describe('a check', () => {
  it('of the elab tells what it would find, which of that is new, what ends, and what is excepted', async () => {
    const text = await readFile(elabPolicyFile, 'utf8')
    const { problems, notes, findings, ends, excepted } = await check(
      text.replace('hostReserve: 2GiB', 'hostReserve: 1GiB'),
    )
    expect([problems, notes]).toEqual([[], []])
    const fresh = findings.filter(({ isNew }) => isNew).map(({ check: name, subject }) => `${name} ${subject}`)
    expect(fresh).toContain('personal-on-core-array vm:kure')
    expect(fresh).not.toContain('host-failure host:xenhv01')
    expect(findings.map(({ check: name }) => name)).toContain('host-failure')
    expect(ends.map(({ check: name, subject }) => `${name} ${subject}`)).toEqual([
      'into-reserve host:xenhv01',
      ...['xenhv01', 'xenhv02', 'xenhv03'].map((host) => `host-failure host:${host}`),
      'no-room host:xenhv02',
    ])
    expect(excepted).toContainEqual(
      expect.objectContaining({ subject: 'vm:panda', key: 'exceptions.2', line: expect.any(Number) }),
    )
    // Nothing came into force.
    expect(policyView.parse(await fixture.get('/api/v1/policy')).effective).toMatchObject({ groups: [] })
  })

  it('of the elab as it ships finds what is known of it, and nothing else', async () => {
    const { problems, notes, findings, findingsLeftOut, excepted } = await check(await readFile(elabPolicyFile, 'utf8'))
    expect([problems, notes, findingsLeftOut]).toEqual([[], [], undefined])
    expect(findings.map((one) => `${one.severity} ${one.check} ${one.subject}`).toSorted()).toEqual(elabGoldenFindings)
    expect(excepted.map((one) => `${one.check} ${one.subject}`)).toEqual(elabGoldenExceptions)
  })

  it('of a bad file tells line, key, expected and got', async () => {
    expect(await check('hosts:\n  - { match: a, role: spare }')).toEqual({
      problems: [
        { key: 'hosts.0.role', line: 2, expected: 'one of core, personal, secondary, reserve', got: '"spare"' },
      ],
      notes: [],
      findings: [],
      ends: [],
      excepted: [],
    })
  })

  it('tells of names that match nothing', async () => {
    const { notes } = await check('apart:\n  - [bell, mial]')
    expect(notes).toEqual([{ kind: 'unmatched', key: 'apart.0', line: 2, message: 'no VM is called "mial"' }])
  })

  it.each<[string, unknown, number, string]>([
    ['no text', {}, 400, 'request-invalid'],
    ['something else beside it', { text: '', apply: true }, 400, 'request-invalid'],
    ['a text that is too long', { text: 'x'.repeat(262_145) }, 400, 'request-invalid'],
    ['a body that is too long', { text: 'x'.repeat(800_000) }, 413, 'body-too-large'],
  ])('with %s is refused', async (_what, body, status, code) => {
    const answer = await post('/api/v1/policy/check', body)
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([status, { code }])
  })

  it('wants a caller', async () => {
    const answer = await post('/api/v1/policy/check', { text: '' }, { authorization: 'Bearer wrong' })
    expect(answer.status).toBe(401)
  })
})
