import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { arrayCondition } from '../../test/support/array-condition.js'
import { hostIdOf, uuidOf } from '../../test/support/snapshot-builder.js'
import { withIo } from '../../test/support/snapshot-io.js'
import { storageFleet, storagePolicy, writes } from '../../test/support/storage-fleet.js'
import { culpritsOf, suspectOf, watchedOf } from '../../test/support/watched-arrays.js'
import { createLog } from '../../common/log.js'
import { ControllerAudit } from '../audit/controller-audit.js'
import { judgeFleet } from '../checks/fleet-findings.js'
import { CommandDesk, type AgentLink } from '../commands/command-desk.js'
import type { Command } from '../commands/command.js'
import type { Asker } from '../commands/permission.js'
import type { Alert } from '../model/alert.js'
import type { ArrayCacheState } from '../model/array-condition.js'
import { finding } from '../model/finding.js'
import type { ApprovalRule } from '../model/policy.js'
import { openEmbeddedState } from '../store/embedded-state/embedded-state.js'
import type { StateStore } from '../store/state-store.js'
import { RemedyDesk } from './remedy-desk.js'

const log = createLog('test', 'silent')
const box = 'joined:the box'
const ann: Asker = { name: 'ann', role: 'operator', scope: undefined }
const bob: Asker = { name: 'bob', role: 'operator', scope: undefined }

/** A session that notes what is sent, on a host whose agent allows limits. */
function handLink(sent: string[]): AgentLink {
  const hostId = hostIdOf('a')
  return {
    agentId: 'one',
    rules: () => ({
      allow: [{ verbs: ['limit', 'unlimit'], vms: ['*'] }],
      utcOffsetMinutes: 0,
      verbs: new Map([[hostId, { verbs: ['limit', 'unlimit'], reason: '' }]]),
    }),
    speaksFor: (id) => id === hostId,
    send: ({ verb, vmName, args }) => void sent.push(`${verb} ${vmName} ${args['write']}`),
    cancel: () => undefined,
    ack: () => undefined,
    tellHead: () => undefined,
  }
}

let directory: string
let state: StateStore
let audit: ControllerAudit
let commands: CommandDesk
let remedies: RemedyDesk
let link: AgentLink
let sent: string[]
let alerts: Map<string, Alert>
let approvals: ApprovalRule[]
let clock: { now: number; cache: ArrayCacheState; latencyMs: number; suspects: string[] }
let ids = 0

async function open(): Promise<void> {
  commands = await CommandDesk.open({
    state,
    audit,
    hostName: () => 'a',
    ownerOf: () => undefined,
    approvals: () => approvals,
    copies: () => [],
    whyNot: (command) => remedies.whyNot(command),
    now: () => clock.now,
    newId: () => `id${(ids += 1)}`,
    log,
  })
  commands.attach(link)
  const one = (number: number): Alert | undefined => [...alerts.values()].find((alert) => alert.number === number)
  remedies = new RemedyDesk({
    alerts: {
      alert: one,
      get alerts() {
        return alerts
      },
    },
    commands,
    sight,
    now: () => clock.now,
    log,
  })
}

function sight(): ReturnType<ConstructorParameters<typeof RemedyDesk>[0]['sight']> {
  const io = { p1: writes(100, clock.latencyMs), c1: writes(10, clock.latencyMs), x1: writes(10, clock.latencyMs) }
  const built = withIo(storageFleet(), { vms: io })
  const snapshot = { ...built, at: built.at }
  const culprits = culpritsOf(clock.suspects.map((name) => suspectOf(name, { shareOfInflow: 0.9 })))
  const arrays = new Map([[box, watchedOf(arrayCondition(clock.cache), { culprits })]])
  const { labels } = judgeFleet(snapshot, storagePolicy(), { arrays })
  return { snapshot, labels, circumstances: { arrays } }
}

function firing(number: number): Alert {
  return {
    key: `array-cache ${box}`,
    number,
    phase: 'firing',
    finding: finding({
      check: 'array-cache',
      severity: 'critical',
      subject: { kind: 'array', id: box, name: 'the box' },
      message: 'full',
    }),
    severity: 'critical',
    facts: { owners: [] },
    sighting: 'raised',
    startedAtMs: 0,
    flapping: false,
  }
}

/** Seconds pass, each with a beat. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    clock.now += 1000
    remedies.beat()
    await remedies.stop()
  }
}

async function succeed(command: Command): Promise<void> {
  const update = { id: command.id, reason: '', verdicts: [], output: '', outputOffset: 0, outputBytes: 0 }
  await commands.update(link, { ...update, revision: 2, state: 'running' })
  await commands.update(link, { ...update, revision: 3, state: 'succeeded' })
}

async function carriedOut(asker = ann, dryRun = false): Promise<Command> {
  const answer = await remedies.carryOut(12, 'p1', { asker, dryRun })
  if (answer.status !== 'done') throw new Error(`not done: ${JSON.stringify(answer)}`)
  return answer.command
}

const effectNow = (command: Command): string | undefined => commands.find(command.id)?.remedy?.effect?.outcome

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headroom-remedy-'))
  state = openEmbeddedState({ path: join(directory, 'state.db') })
  audit = await ControllerAudit.open(state)
  sent = []
  link = handLink(sent)
  alerts = new Map([['a', firing(12)]])
  approvals = []
  clock = { now: 1000, cache: 'saturated', latencyMs: 80, suspects: ['p1'] }
  await open()
  await pass(12)
})
afterEach(async () => {
  await remedies.stop()
  await commands.stop()
  await state.close()
  await rm(directory, { recursive: true })
})

describe('a remedy of an alert', () => {
  it('is a limit that the agent is sent, by the figures of now', async () => {
    const command = await carriedOut()
    expect(command).toMatchObject({ state: 'sent', actor: 'ann', remedy: { alert: 12, boxId: box } })
    expect(sent).toEqual(['limit p1 8500KB/s'])
    expect(remedies.ofAlert(12).map(({ id }) => id)).toEqual([command.id])
  })

  it.each<[string, number, string]>([
    ['others write faster', 2, 'helped'],
    ['others wait as before', 80, 'did-not-help'],
  ])('is looked at 20 s after it: %s', async (_what, latencyMs, expected) => {
    const command = await carriedOut()
    await succeed(command)
    clock.latencyMs = latencyMs
    await pass(19)
    expect(effectNow(command)).toBeUndefined()
    await pass(1)
    expect(effectNow(command)).toBe(expected)
    const [last] = await audit.list(1)
    expect(last?.what).toMatchObject({ event: 'effect', effect: expected, alert: 12, id: command.id })
    // Once.
    await pass(30)
    expect((await audit.list(100)).filter(({ what }) => what['event'] === 'effect')).toHaveLength(1)
  })

  it('is known after a restart of the controller: seen if there is time, and else unknown', async () => {
    const command = await carriedOut()
    await succeed(command)
    await pass(5)
    clock.latencyMs = 2
    await open()
    await pass(20)
    expect(effectNow(command)).toBe('helped')

    clock.now += 3_600_000
    clock.latencyMs = 80
    const second = await carriedOut()
    await succeed(second)
    clock.now += 300_000
    await open()
    await pass(1)
    expect(effectNow(second)).toBe('unknown')
  })

  it('is not asked for twice, until its limit has ended', async () => {
    const [first, second] = await Promise.all(
      [ann, bob].map((asker) => remedies.carryOut(12, 'p1', { asker, dryRun: false })),
    )
    expect([first?.status, second?.status]).toEqual(['done', 'under-way'])
    const [command] = remedies.ofAlert(12)
    if (command === undefined) throw new Error('no command')
    await succeed(command)
    await pass(179)
    expect(await remedies.carryOut(12, 'p1', { asker: bob, dryRun: false })).toMatchObject({ status: 'under-way' })
    await pass(2)
    expect(await remedies.carryOut(12, 'p1', { asker: bob, dryRun: false })).toMatchObject({ status: 'done' })
    expect(sent).toHaveLength(2)
  })

  it('is not done once the alert is over, or says something else', async () => {
    clock.cache = 'draining'
    expect(await remedies.carryOut(12, 'p1', { asker: ann, dryRun: false })).toEqual({
      status: 'not-proposed',
      why: 'alert 12 proposes no limit of p1 now',
    })
    alerts.clear()
    expect(await remedies.carryOut(12, 'p1', { asker: ann, dryRun: false })).toMatchObject({ why: 'alert 12 is over' })
    expect(sent).toEqual([])
  })

  it('in a dry run says what the checks say, and leaves nothing', async () => {
    const command = await carriedOut(ann, true)
    expect(command).toMatchObject({ dryRun: true })
    expect(remedies.ofAlert(12)).toEqual([])
    expect((await carriedOut({ name: 'eve', role: 'viewer', scope: undefined })).state).toBe('refused')
  })
})

describe('a remedy that waits for a second person', () => {
  beforeEach(() => {
    approvals = [{ verbs: ['limit'], risks: undefined, vms: undefined, role: 'operator', withinMs: 600_000 }]
  })
  const approve = async ({ id }: Command): Promise<Command> => {
    const answer = await commands.approve(id, bob, sight().snapshot.vms.get(uuidOf('p1')))
    if (answer.status !== 'done') throw new Error(answer.status)
    return answer.command
  }

  it('goes on when that one approves', async () => {
    const command = await carriedOut()
    expect(command.state).toBe('pending-approval')
    expect(await remedies.carryOut(12, 'p1', { asker: bob, dryRun: false })).toMatchObject({ status: 'under-way' })
    expect(await commands.approve(command.id, ann, undefined)).toMatchObject({ status: 'forbidden' })
    expect(await approve(command)).toMatchObject({ state: 'sent' })
    expect(sent).toEqual(['limit p1 8500KB/s'])
  })

  it('is looked at once more then', async () => {
    const command = await carriedOut()
    clock.suspects = ['x1']
    expect(await approve(command)).toMatchObject({
      state: 'refused',
      reason: 'alert 12 proposes no limit of p1 any more',
    })
    expect(sent).toEqual([])
  })

  it('ends with the alert', async () => {
    const command = await carriedOut()
    await pass(1)
    expect(commands.find(command.id)?.state).toBe('pending-approval')
    alerts.clear()
    await pass(1)
    expect(commands.find(command.id)).toMatchObject({ state: 'expired', reason: 'alert 12 is over' })
    expect(sent).toEqual([])
  })
})
