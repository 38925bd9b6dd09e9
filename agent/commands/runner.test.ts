import { afterEach, describe, expect, it, vi } from 'vitest'

import type { AllowRule } from '../../common/allow-rules.js'
import { rejectedBy } from '../../common/deadline.js'
import { createLog } from '../../common/log.js'
import type { Rate } from '../../common/token-bucket.js'
import { verbNames } from '../../common/verbs.js'
import { HandControl } from '../../test/support/hand-control.js'
import { HandMarks } from '../../test/support/hand-marks.js'
import { ActionRefused, type VmNow } from '../hypervisor/hypervisor.js'
import type { CommandRecord, CommandSpec } from './command-record.js'
import type { Journal } from './journal.js'
import { LimitKeeper } from './limit-keeper.js'
import { CommandRunner } from './runner.js'

const a = '00000000-0000-4000-8000-00000000000a'
const b = '00000000-0000-4000-8000-00000000000b'
const everything: AllowRule = { verbs: verbNames, vms: ['*'] }

function forEver(_action: string, _uuid: string, signal: AbortSignal): Promise<void> {
  return rejectedBy(signal, 'aborted')
}

/** Journal in memory: what is in it outlives the runner. */
class HandJournal implements Journal {
  readonly records = new Map<string, CommandRecord>()
  /** Called before one is written; it may wait. */
  beforePut: () => Promise<void> = () => Promise.resolve()
  /** Called before one is removed; it may wait. */
  beforeRemove: () => Promise<void> = () => Promise.resolve()
  load(): Promise<readonly CommandRecord[]> {
    return Promise.resolve([...this.records.values()])
  }
  async put(record: CommandRecord): Promise<void> {
    await this.beforePut()
    this.records.set(record.spec.id, record)
  }
  async remove(id: string): Promise<void> {
    await this.beforeRemove()
    this.records.delete(id)
  }
}

class Bench {
  now = 1_000_000
  readonly control = new HandControl()
  readonly journal = new HandJournal()
  readonly audited: Readonly<Record<string, unknown>>[] = []
  /** Events of what did nothing. */
  readonly ofNothing: unknown[] = []
  readonly told: CommandRecord[] = []
  readonly kept: string[] = []
  allow: readonly AllowRule[] = [everything]
  /** Its host has nothing that acts on VMs. */
  isReadOnly = false
  audit = (what: Readonly<Record<string, unknown>>, nothingDone = false): Promise<void> => {
    this.audited.push(what)
    if (nothingDone) this.ofNothing.push(what['event'])
    return Promise.resolve()
  }
  beginRate: Rate = { perSecond: 1000, burst: 1000 }
  readonly limits = new LimitKeeper({
    store: { load: () => Promise.resolve([]), save: () => Promise.resolve() },
    control: () => this.control,
    mayHave: () => true,
    now: () => this.now,
    monotonicMs: () => this.now,
    audit: () => Promise.resolve(),
    log: createLog('test', 'silent'),
  })
  runner = this.another()

  readonly marks = new HandMarks()

  constructor() {
    this.control.add(a, 'alpha')
    this.control.add(b, 'beta', 'shutoff')
  }

  another(): CommandRunner {
    return new CommandRunner({
      journal: this.journal,
      audit: (what, nothingDone) => this.audit(what, nothingDone),
      limits: this.limits,
      programs: [],
      archive: {
        keepIncoming: () => Promise.resolve('/archive/incoming/a'),
        keep: (_uuid, definition) => {
          this.kept.push(definition)
          return Promise.resolve('/archive/a')
        },
      },
      marks: this.marks,
      host: (hostId) => (hostId === 'h' ? { control: this.isReadOnly ? undefined : this.control } : undefined),
      allow: this.allow,
      now: () => this.now,
      localTime: () => ({ weekday: 1, minute: 600 }),
      onChange: (record) => this.told.push(record),
      beginRate: this.beginRate,
      log: createLog('test', 'silent'),
    })
  }

  send(id: string, verb: string, more: Partial<CommandSpec> = {}): Promise<void> {
    return this.runner.receive({
      id,
      hostId: 'h',
      verb,
      vmUuid: a,
      args: {},
      startBeforeMs: this.now + 60_000,
      timeoutMs: 0,
      actor: 'ann',
      dryRun: false,
      onlyReport: false,
      ...more,
    })
  }

  last(id: string): CommandRecord | undefined {
    return this.told.findLast(({ spec }) => spec.id === id)
  }

  async end(id: string): Promise<CommandRecord> {
    return vi.waitFor(
      () => {
        const record = this.last(id)
        if (record === undefined || ['queued', 'running'].includes(record.state))
          throw new Error(`${id} is ${record?.state}`)
        return record
      },
      { timeout: 5000, interval: 5 },
    )
  }
}

let bench: Bench
const made: Bench[] = []
function fresh(allow: readonly AllowRule[] = [everything]): Bench {
  bench = new Bench()
  bench.allow = allow
  bench.runner = bench.another()
  made.push(bench)
  return bench
}
afterEach(async () => {
  for (const { runner } of made.splice(0)) await runner.stop()
})

describe('the runner', () => {
  it('runs a command once, however often it comes, and writes it down before', async () => {
    fresh()
    bench.control.before = () => {
      expect(bench.journal.records.get('c1')?.state).toBe('running')
      expect(bench.audited.map(({ event }) => event)).toEqual(['begin'])
      return Promise.resolve()
    }
    await Promise.all([bench.send('c1', 'suspend'), bench.send('c1', 'suspend')])
    expect((await bench.end('c1')).state).toBe('succeeded')
    await bench.send('c1', 'suspend')
    bench.runner.acked('c1', 99)
    await bench.send('c1', 'suspend')
    expect(bench.control.done).toEqual(['suspend alpha'])
    expect(bench.audited.map(({ event }) => event)).toEqual(['begin', 'succeeded'])
  })

  it.each<readonly [string, Partial<CommandSpec> & { verb: string }, readonly AllowRule[], RegExp]>([
    ['an unknown verb', { verb: 'format' }, [everything], /knows no verb "format"/],
    ['a verb of another kind', { verb: 'toString' }, [everything], /knows no verb/],
    ['a missing argument', { verb: 'autostart' }, [everything], /needs enabled: on or off/],
    ['an argument too many', { verb: 'suspend', args: { x: '; rm -rf /' } }, [everything], /has no argument "x"/],
    [
      'a move that copies disks',
      { verb: 'migrate', args: { to: 'two', copyStorage: 'yes' } },
      [everything],
      /migrate has no argument "copyStorage"/,
    ],
    ['a forged value', { verb: 'autostart', args: { enabled: '$(id)' } }, [everything], /is on or off, not "\$\(id\)"/],
    [
      'a rate without a unit',
      { verb: 'limit', args: { write: '5', for: '1m' } },
      [everything],
      /is a rate from 16KiB\/s to 1TB\/s, such as 5MiB\/s, not "5"/,
    ],
    [
      'a limit without an end',
      { verb: 'limit', args: { write: '5MiB/s' } },
      [everything],
      /needs for: a duration from 1s to 30d/,
    ],
    [
      'a limit of nothing',
      { verb: 'limit', args: { for: '1m' } },
      [everything],
      /at least one of read, write, readRequests/,
    ],
    [
      'a forged disk',
      { verb: 'limit', args: { write: '5MiB/s', for: '1m', disk: '../x' } },
      [everything],
      /is the name of a disk in the guest/,
    ],
    [
      'a disk that it does not have',
      { verb: 'limit', args: { write: '5MiB/s', for: '1m', disk: 'vdz' } },
      [everything],
      /no disk/,
    ],
    ['the end of a limit that is not there', { verb: 'unlimit' }, [everything], /no limit of this agent/],
    ['what the driver cannot do', { verb: 'save' }, [everything], /its driver cannot save/],
    ['another host', { verb: 'suspend', hostId: 'other' }, [everything], /has no such host/],
    ['a VM that is not here', { verb: 'suspend', vmUuid: `${a.slice(0, -1)}f` }, [everything], /no VM .*f is here/],
    ['a wrong state', { verb: 'start' }, [everything], /is running; start needs one that is shutoff, crashed/],
    ['nothing allowed', { verb: 'suspend' }, [], /only observes/],
    ['another verb allowed', { verb: 'suspend' }, [{ verbs: ['start'], vms: ['*'] }], /does not allow suspend$/],
    ['another VM allowed', { verb: 'suspend' }, [{ verbs: ['suspend'], vms: ['web-*'] }], /for a VM of this name/],
    [
      'another time allowed',
      { verb: 'suspend' },
      [{ verbs: ['suspend'], vms: ['*'], window: { days: ['mon'], fromMinute: 1320, toMinute: 360 } }],
      /only on mon from 22:00 to 06:00/,
    ],
    ['a time that is too far off', { verb: 'suspend', startBeforeMs: 1e15 }, [everything], /at most a day/],
  ])('refuses %s, and does nothing', async (_what, { verb, ...more }, allow, reason) => {
    fresh(allow)
    await bench.send('c1', verb, more)
    const { state, reason: said } = await bench.end('c1')
    expect([state, said]).toEqual(['refused', expect.stringMatching(reason)])
    expect(bench.control.done).toEqual([])
    expect(bench.journal.records.size).toBe(0)
    expect(bench.audited.map(({ event, actor }) => [event, actor])).toEqual([['refused', 'ann']])
  })

  it.each(['../../x', '', 'a/b', 'x'.repeat(65), 'a\nb'])('takes no command whose id is %j', async (id) => {
    fresh()
    await bench.send(id, 'suspend')
    expect(bench.told).toEqual([])
  })

  it('tells every verdict of a dry run, and does nothing', async () => {
    fresh()
    await bench.send('c1', 'suspend', { dryRun: true })
    const { state, verdicts } = await bench.end('c1')
    expect(state).toBe('succeeded')
    expect(verdicts.map(({ check, ok }) => `${check} ${ok}`)).toEqual([
      'verb true',
      'host true',
      'allow true',
      'state true',
    ])
    expect(bench.control.done).toEqual([])
  })

  it('does not begin what is too late', async () => {
    fresh()
    await bench.send('c1', 'suspend', { startBeforeMs: bench.now })
    expect((await bench.end('c1')).state).toBe('expired')
    expect(bench.control.done).toEqual([])
  })

  it('goes on with a refusal of the hypervisor as a failure', async () => {
    fresh()
    bench.control.before = () => Promise.reject(new ActionRefused('cannot do that'))
    await bench.send('c1', 'suspend')
    expect(await bench.end('c1')).toMatchObject({ state: 'failed', reason: 'cannot do that' })
  })

  it('looks at what a lost answer did', async () => {
    fresh()
    bench.control.before = (_action, uuid) => {
      bench.control.set(uuid, { state: 'paused' })
      return Promise.reject(new Error('connection lost'))
    }
    await bench.send('c1', 'suspend')
    expect(await bench.end('c1')).toMatchObject({
      state: 'succeeded',
      reason: 'broken off (connection lost); it is paused',
    })
  })

  it('ends what takes too long', async () => {
    fresh()
    bench.control.deaf = 1
    await bench.send('c1', 'shutdown', { timeoutMs: 200 })
    expect(await bench.end('c1')).toMatchObject({ state: 'failed', reason: 'asked once, the guest has not shut down' })
    await bench.send('c2', 'shutdown')
    expect(await bench.end('c2')).toMatchObject({ state: 'succeeded', output: 'asked the guest to shut down\n' })
  })

  it('cancels what waits, and what runs if its verb can be', async () => {
    fresh()
    bench.control.deaf = 1000
    await bench.send('c1', 'shutdown')
    await vi.waitFor(() => expect(bench.control.done).toEqual(['shutdown alpha']))
    await bench.send('c2', 'destroy')
    await bench.runner.cancel('c2', 'bob')
    expect(await bench.end('c2')).toMatchObject({ state: 'cancelled', reason: 'by bob, before it began' })
    await bench.runner.cancel('c1', 'bob')
    expect(await bench.end('c1')).toMatchObject({ state: 'cancelled' })
    expect(bench.control.vms.get(a)?.state).toBe('running')
    expect(bench.control.done).toEqual(['shutdown alpha'])
  })

  /** One old command is done and forgotten when the next comes: its removal waits until `release`. */
  async function slowToTakeIn(): Promise<() => void> {
    fresh()
    await bench.send('c0', 'suspend')
    bench.runner.acked('c0', (await bench.end('c0')).revision)
    bench.control.set(a, { state: 'running' })
    bench.control.done.length = 0
    bench.now += 1e8
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    bench.journal.beforeRemove = () => held
    return release
  }

  it('does not begin what is cancelled in the same breath', async () => {
    const release = await slowToTakeIn()
    const both = [bench.send('c1', 'suspend'), bench.runner.cancel('c1', 'bob')]
    release()
    await Promise.all(both)
    expect(await bench.end('c1')).toMatchObject({ state: 'cancelled' })
    expect(bench.control.done).toEqual([])
  })

  it('begins one that comes twice in the same breath once', async () => {
    const release = await slowToTakeIn()
    const both = [bench.send('c1', 'reset'), bench.send('c1', 'reset')]
    release()
    await Promise.all(both)
    await bench.end('c1')
    await bench.send('c2', 'suspend')
    await bench.end('c2')
    expect(bench.control.done).toEqual(['reset alpha', 'suspend alpha'])
  })

  it('takes in no more at once than it can hold, and says nothing of what it drops', async () => {
    const release = await slowToTakeIn()
    const flood = Array.from({ length: 600 }, (_, index) => bench.send(`f${index}`, 'none'))
    expect(bench.runner.figures().turnedAway).toBe(88)
    release()
    await Promise.all(flood)
    expect(new Set(bench.told.map(({ spec }) => spec.id)).size).toBe(513)
  })

  it('does one thing at a time with a VM, and others meanwhile', async () => {
    fresh()
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    bench.control.before = (_action, uuid) => (uuid === a ? held : Promise.resolve())
    await bench.send('c1', 'suspend')
    await bench.send('c2', 'resume')
    await bench.send('c3', 'start', { vmUuid: b })
    await bench.end('c3')
    expect(bench.last('c2')?.state).toBe('queued')
    release()
    expect((await bench.end('c2')).state).toBe('succeeded')
    expect(bench.control.done).toEqual(['start beta', 'suspend alpha', 'resume alpha'])
  })

  it('takes a definition away only once the controller keeps it', async () => {
    fresh()
    await bench.send('c1', 'undefine', { vmUuid: b })
    await vi.waitFor(() => expect(bench.last('c1')?.output).toContain(`<domain>${b}</domain>`))
    expect(bench.kept).toEqual([`<domain secret='x'>${b}</domain>`])
    expect(bench.control.done).toEqual([])
    bench.runner.acked('c1', bench.last('c1')?.revision ?? 0)
    expect(await bench.end('c1')).toMatchObject({
      state: 'succeeded',
      reason: expect.stringMatching(/kept on its host as/),
    })
    expect(bench.control.done).toEqual(['undefine beta'])
  })

  it('has the verb itself look further in a dry run too', async () => {
    fresh()
    await bench.send('c1', 'unlimit', { dryRun: true })
    const { state, verdicts } = await bench.end('c1')
    expect(state).toBe('refused')
    expect(verdicts.at(-1)).toEqual({ check: 'limit', ok: false, says: 'no limit of this agent is in force' })
  })

  it('lets come to its end, whatever is allowed by then, what it has let begin: only a step of that very move', async () => {
    fresh([{ verbs: ['start'], vms: ['nothing'] }])
    bench.control.set(a, { state: 'paused' })
    const of = { hostId: 'h', vmUuid: a, vmName: 'alpha', moveId: 'm', runId: '', wasDefined: false }
    await bench.marks.put({ ...of, kind: 'expected' })
    await bench.send('c1', 'arrive', { args: { move: 'other' } })
    expect(await bench.end('c1')).toMatchObject({ state: 'refused', reason: expect.stringMatching(/does not allow/) })
    await bench.send('c2', 'resume')
    expect(await bench.end('c2')).toMatchObject({ state: 'refused' })
    expect(bench.control.done).toEqual([])
    await bench.send('c3', 'arrive', { args: { move: 'm' } })
    expect(await bench.end('c3')).toMatchObject({ state: 'succeeded' })
    expect(bench.control.done).toEqual(['resume alpha'])
  })

  it.each([
    ['one that a controller announced by a name that may move', 'test-1'],
    ['one whose name an earlier version has not written down', ''],
  ])('promises nothing of a VM that may not move: %s', async (_what, vmName) => {
    fresh([{ verbs: ['migrate'], vms: ['test-*'] }])
    const of = { hostId: 'h', vmName, moveId: 'm', runId: '', wasDefined: false }
    bench.control.set(a, { state: 'paused', stateReason: 'user' })
    for (const vmUuid of [a, b]) await bench.marks.put({ ...of, vmUuid, kind: 'expected' })
    const steps = [
      ['discard', a],
      ['arrive', a],
      ['discard', b],
    ] as const
    for (const [verb, vmUuid] of steps) {
      const id = `${verb}-${bench.control.vms.get(vmUuid)?.name}`
      await bench.send(id, verb, { vmUuid, args: { move: 'm', ...(verb === 'discard' && { name: 'test-1' }) } })
      expect(await bench.end(id)).toMatchObject({ state: 'refused', reason: expect.stringMatching(/of this name/) })
    }
    expect(bench.control.done).toEqual([])
  })

  describe('asked to discard a copy', () => {
    const gone = `${a.slice(0, -1)}f`
    const args = { name: 'alpha', move: 'm' }

    it('that is not here, has nothing to do, and has done it', async () => {
      fresh([{ verbs: ['migrate'], vms: ['alpha'] }])
      await bench.send('c1', 'discard', { vmUuid: gone, args })
      expect(await bench.end('c1')).toMatchObject({ state: 'succeeded', reason: 'it is not here any more' })
      await bench.send('c2', 'discard', { vmUuid: gone, args: { name: 'beta', move: 'm' } })
      expect(await bench.end('c2')).toMatchObject({ state: 'refused', reason: expect.stringMatching(/of this name/) })
      expect(bench.control.done).toEqual([])
      expect(bench.kept).toEqual([])
    })

    it('does not say that it is gone where it could not look', async () => {
      fresh()
      bench.control.look = () => Promise.reject(new Error('it hangs'))
      await bench.send('c1', 'discard', { vmUuid: gone, args })
      const { state, verdicts } = await bench.end('c1')
      expect(state).toBe('refused')
      expect(verdicts.flatMap(({ check, ok }) => (ok ? [] : [check]))).toEqual(['look'])
    })

    it.each<readonly [string, CommandSpec['args']]>([
      ['discard', args],
      ['arrive', {}],
    ])('does not say that it is gone where nothing can look: %s', async (verb, own) => {
      fresh()
      bench.isReadOnly = true
      await bench.send('c1', verb, { vmUuid: gone, args: own })
      const { state, verdicts } = await bench.end('c1')
      expect(state).toBe('refused')
      expect(verdicts.map(({ check }) => check)).not.toContain('vm')
    })
  })

  it('counts what became of commands, by verb and end', async () => {
    fresh()
    await bench.send('c1', 'suspend')
    await bench.end('c1')
    await bench.send('c2', 'suspend')
    await bench.end('c2')
    await bench.send('c3', '$(id)')
    await bench.end('c3')
    const { ended, waiting, running } = bench.runner.figures()
    expect(ended.map(({ verb, end, count }) => [verb, end, count])).toEqual([
      ['suspend', 'succeeded', 1],
      ['suspend', 'refused', 1],
      ['unknown', 'refused', 1],
    ])
    expect([waiting, running]).toEqual([0, 0])
  })

  it('takes no more than can wait', async () => {
    fresh()
    bench.control.before = forEver
    for (let index = 0; index < 80; index += 1) await bench.send(`c${index}`, 'suspend')
    expect(bench.runner.figures().turnedAway).toBeGreaterThan(10)
    expect(bench.last('c79')).toMatchObject({ state: 'refused', reason: expect.stringMatching(/too many/) })
  })

  it.each<readonly [string, Partial<VmNow>, RegExp]>([
    ['another name', { name: 'gamma' }, /has got another name/],
    ['another run', { runId: 'another' }, /began or ended a run/],
    ['another state', { state: 'paused' }, /is paused; suspend needs one that is running/],
  ])('does not begin where the VM has got %s while the beginning was written down', async (_what, change, reason) => {
    fresh()
    bench.journal.beforePut = () => {
      bench.control.set(a, change)
      return Promise.resolve()
    }
    await bench.send('c1', 'suspend')
    expect(await bench.end('c1')).toMatchObject({ state: 'refused', reason: expect.stringMatching(reason) })
    expect(bench.journal.records.get('c1')?.state).toBe('refused')
    expect(bench.audited.map(({ event }) => event)).toEqual(['begin', 'refused'])
    expect(bench.control.done).toEqual([])
  })

  it('does not begin what is cancelled while the beginning is written down', async () => {
    fresh()
    bench.journal.beforePut = () => bench.runner.cancel('c1', 'bob')
    await bench.send('c1', 'destroy')
    expect(await bench.end('c1')).toMatchObject({ state: 'cancelled', reason: 'before it began' })
    expect(bench.control.done).toEqual([])
  })

  it('does not say that it cancelled what it cannot see', async () => {
    fresh()
    bench.control.before = forEver
    await bench.send('c1', 'shutdown')
    await vi.waitFor(() => expect(bench.last('c1')?.state).toBe('running'))
    bench.control.look = (uuid) => Promise.resolve(uuid === a ? undefined : bench.control.vms.get(uuid))
    await bench.runner.cancel('c1', 'bob')
    expect((await bench.end('c1')).state).toBe('unknown')
  })

  it('writes down once that somebody wanted it cancelled, and what came from outside cut short', async () => {
    fresh()
    bench.control.before = forEver
    await bench.send('c1', 'suspend')
    await vi.waitFor(() => expect(bench.last('c1')?.state).toBe('running'))
    for (let count = 0; count < 5; count += 1) await bench.runner.cancel('c1', 'bob')
    await bench.send('c2', '\0'.repeat(1024), { hostId: '\0'.repeat(1024), vmUuid: b })
    await bench.end('c2')
    expect(bench.audited.map(({ event }) => event)).toEqual(['begin', 'cancel', 'refused'])
    expect(bench.ofNothing).toEqual(['refused'])
    expect(JSON.stringify(bench.audited[2]).length).toBeLessThan(1300)
  })

  it('lets no more begin than the audit log can keep for days', async () => {
    fresh()
    bench.beginRate = { perSecond: 0.001, burst: 2 }
    bench.runner = bench.another()
    await bench.send('dry', 'suspend', { dryRun: true })
    for (const id of ['c1', 'c2', 'c3']) {
      await bench.send(id, 'autostart', { args: { enabled: 'on' } })
      await bench.end(id)
    }
    expect(bench.last('c3')).toMatchObject({ state: 'refused', reason: expect.stringMatching(/lately/) })
    expect(bench.control.done).toHaveLength(2)
  })

  it('does nothing that it cannot write down', async () => {
    fresh()
    bench.audit = () => Promise.reject(new Error('ENOSPC'))
    await bench.send('c1', 'suspend')
    expect(await bench.end('c1')).toMatchObject({ state: 'refused', reason: 'a fault of the agent: ENOSPC' })
    expect(bench.control.done).toEqual([])
  })

  it('looks, after a restart, at what had begun; and tells of it from a higher revision on', async () => {
    fresh()
    bench.control.before = forEver
    await bench.send('c1', 'suspend')
    await vi.waitFor(() => expect(bench.last('c1')?.state).toBe('running'))
    const revision = bench.last('c1')?.revision ?? 0
    bench.control.set(a, { state: 'paused' })
    bench.runner = bench.another()
    await bench.runner.start()
    const end = await bench.end('c1')
    expect(end).toMatchObject({ state: 'succeeded', reason: 'the agent ended while it ran; it is paused' })
    expect(end.revision).toBeGreaterThan(revision)
    await bench.send('c1', 'suspend')
    expect(bench.control.done).toEqual([])
  })

  it('says of one that it does not know, and may not begin, that it does not know it', async () => {
    fresh()
    await bench.send('c1', 'suspend', { onlyReport: true })
    expect(await bench.end('c1')).toMatchObject({ state: 'unknown', reason: expect.stringMatching(/no record of it/) })
    await bench.send('c1', 'suspend')
    expect(bench.control.done).toEqual([])
  })

  it('remembers one until it could not come again', async () => {
    fresh()
    await bench.send('c1', 'suspend')
    const { revision } = await bench.end('c1')
    bench.runner.acked('c1', revision)
    bench.now += 3_000_000
    await bench.send('c2', 'resume')
    await bench.end('c2')
    expect([...bench.journal.records.keys()]).toEqual(['c1', 'c2'])
    bench.now += 3_000_000
    await bench.send('c3', 'suspend')
    await bench.end('c3')
    expect([...bench.journal.records.keys()]).toEqual(['c2', 'c3'])
    await bench.send('c1', 'suspend', { startBeforeMs: 1_060_000 })
    expect((await bench.end('c1')).state).toBe('expired')
  })
})
