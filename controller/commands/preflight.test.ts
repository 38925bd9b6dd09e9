import { describe, expect, it } from 'vitest'

import { verbNames } from '../../common/verbs.js'
import { buildVm, MiB } from '../../test/support/snapshot-builder.js'
import type { Command } from './command.js'
import { preflight, type AgentRules } from './preflight.js'

const running = buildVm({ name: 'a', host: 'h', memoryMiB: 512 })
const off = buildVm({ name: 'b', host: 'h', memoryMiB: 512, state: 'shutoff' })
const halted = buildVm({ name: 'c', host: 'h', memoryMiB: 512, state: 'paused' })
const rules: AgentRules = {
  allow: [{ verbs: verbNames, vms: ['*'] }],
  utcOffsetMinutes: 0,
  verbs: new Map([[running.hostId, { verbs: verbNames, reason: '' }]]),
}

type Known = Partial<Parameters<typeof preflight>[2]>

function refusals(verb: string, args: Record<string, string>, vm = running, known: Known = {}): string[] {
  const asker = { name: 'ann', role: 'admin', scope: undefined } as const
  const verdicts = preflight({ verb, args }, vm, { asker, owner: undefined, rules, open: [], now: 0, ...known })
  return verdicts.flatMap(({ ok, says }) => (ok ? [] : [says]))
}

describe('a host in maintenance', () => {
  const maintenance = { since: 0, by: 'ann', reason: 'new disks' }

  it.each([
    ['start', off, ['its host is in maintenance since 1970-01-01T00:00:00Z, by ann: new disks']],
    ['restore', off, ['its host is in maintenance since 1970-01-01T00:00:00Z, by ann: new disks']],
    ['shutdown', running, []],
    ['destroy', running, []],
    ['resume', halted, []],
  ])('and %s', (verb, vm, expected) => {
    expect(refusals(verb, {}, vm, { maintenance })).toEqual(expected)
    expect(refusals(verb, {}, vm)).toEqual([])
  })
})

describe('more memory', () => {
  it.each([
    ['where the reserve is whole', '600MiB', 0, 0],
    ['where the VMs reach into it', '600MiB', -5 * MiB, 1],
    ['less of it, where they do', '400MiB', -5 * MiB, 0],
    ['where it is not known', '600MiB', undefined, 0],
  ])('%s', (_what, size, hostSpareBytes, count) => {
    const said = refusals('memory', { size }, running, { hostSpareBytes })
    expect(said).toHaveLength(count)
    for (const one of said) expect(one).toMatch(/5 MiB into the memory that is kept for the host itself/)
  })
})

it('arguments have to be of their kinds', () => {
  expect(refusals('limit', { write: '5MiB/s', for: '30m' })).toEqual([])
  expect(refusals('limit', { write: '5MiB/s', for: '30' })).toEqual([
    expect.stringMatching(/^for of limit is a duration/),
  ])
  expect(refusals('exec', { entry: 'backup', arg1: 'a\nb' })).toEqual([
    expect.stringMatching(/^arg1 of exec is one line/),
  ])
  expect(refusals('vcpus', { count: '0' })).toEqual([expect.stringMatching(/from 1 to 4096/)])
})

it.each([
  ['exec', { entry: 'backup', rate: '1TB/s' }, 'rate of exec is set by the controller alone'],
  ['migrate', { to: 'two', definition: 'abc' }, 'definition of migrate is set by the controller alone'],
])('what the controller sets is not for who asks: %s', (verb, args, expected) => {
  expect(refusals(verb, args)).toEqual([expected])
})

describe('what waits for a second person', () => {
  const waiting: Command = {
    id: 'c1',
    number: 7,
    verb: 'shutdown',
    args: {},
    hostId: running.hostId,
    hostName: 'h',
    vmUuid: running.uuid,
    vmName: 'a',
    dryRun: false,
    actor: 'ann',
    state: 'pending-approval',
    reason: '',
    createdAt: 0,
    startBefore: 1,
    timeoutMs: 1,
    revision: 0,
    verdicts: [],
    output: '',
    outputEnd: 0,
  }

  it('is asked for once only by one person', () => {
    expect(refusals('shutdown', {}, running, { open: [waiting] })).toEqual([
      'shutdown waits for approval, as command 7',
    ])
  })

  it.each<[string, string, Partial<Command>]>([
    ['another verb', 'destroy', {}],
    ['another person', 'shutdown', { actor: 'bob' }],
    ['another VM', 'shutdown', { vmUuid: off.uuid }],
  ])('does not hold up %s', (_what, verb, more) => {
    expect(refusals(verb, {}, running, { open: [{ ...waiting, ...more }] })).toEqual([])
  })
})
