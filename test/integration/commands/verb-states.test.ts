import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { LibvirtControl } from '../../../agent/hypervisor/libvirt/control.js'
import { askableVerbs, type VerbName } from '../../../common/verbs.js'
import { libvirtMissing, startLibvirtDaemon, type LibvirtDaemon } from '../../support/libvirt-daemon.js'
import { defineGuest, type Guest } from '../../support/libvirt-guest.js'
import { VerbBench } from '../../support/verb-bench.js'
import { waitFor } from '../../support/wait-for.js'

/** Each verb in each state of a real guest: it is done, or refused with a reason that names the state. virsh is the witness. */

const missing = libvirtMissing()
if (missing !== undefined) console.warn(`the tests with a real libvirtd are skipped: ${missing}`)

let daemon: LibvirtDaemon
let guest: Guest
let control: LibvirtControl
let bench: VerbBench
/** What defines the guest, for a run that is not persistent. */
let file: string

const states = ['running', 'paused', 'shut off', 'saved', 'killed', 'transient'] as const
type State = (typeof states)[number]

const args: Partial<Record<VerbName, Readonly<Record<string, string>>>> = {
  autostart: { enabled: 'off' },
  limit: { write: '1MiB/s', for: '1m' },
  memory: { size: '96MiB' },
  vcpus: { count: '1' },
  'memory-statistics': { every: '5s' },
  migrate: { to: 'other' },
  resolve: { keep: 'other' },
  exec: { entry: 'true' },
}

interface Expected {
  /** `succeeded`, or the state in which it ends and what the reason says. */
  readonly ends: readonly ['succeeded' | 'refused' | 'failed' | 'unknown', RegExp]
  /** What `virsh domstate --reason` says then; absent: what it said before. */
  readonly is?: RegExp
}

const done = (is?: RegExp): Expected => ({ ends: ['succeeded', /^/], ...(is !== undefined && { is }) })
const refused = (reason: RegExp): Expected => ({ ends: ['refused', reason] })
const runs = refused(/^the VM is (running|blocked); /)
const halted = refused(/^the VM is paused; /)
const off = refused(/^the VM is shutoff; /)
const runningAnew = /^running \(booted\)/
const none = refused(/cannot (migrate|resolve)/)

/** By verb: in the order of `states`. */
const table: Readonly<
  Partial<Record<VerbName, readonly [Expected, Expected, Expected, Expected, Expected, Expected]>>
> = {
  start: [runs, halted, done(runningAnew), done(/^running \(restored\)/), done(runningAnew), runs],
  shutdown: [
    done(/^shut off \(shutdown\)/),
    halted,
    off,
    off,
    off,
    { ends: ['unknown', /not on this host any more/], is: /^gone$/ },
  ],
  reboot: [done(), halted, off, off, off, done()],
  reset: [done(), done(), off, off, off, done()],
  destroy: [done(/^shut off \(destroyed\)/), done(/^shut off \(destroyed\)/), off, off, off, done(/^gone$/)],
  suspend: [done(/^paused \(user\)/), halted, off, off, off, done(/^paused \(user\)/)],
  resume: [runs, done(/^running \(unpaused\)/), off, off, off, runs],
  autostart: [done(), done(), done(), done(), done(), { ends: ['failed', /transient/] }],
  limit: [done(), done(), off, off, off, done()],
  unlimit: [
    refused(/no limit of this agent/),
    refused(/no limit of this agent/),
    off,
    off,
    off,
    refused(/no limit of this agent/),
  ],
  memory: [done(), halted, done(), done(), done(), done()],
  vcpus: [done(), halted, done(), done(), done(), done()],
  'memory-statistics': [done(), halted, done(), done(), done(), done()],
  save: [done(/^shut off \(saved\)/), done(/^shut off \(saved\)/), off, off, off, { ends: ['failed', /transient/] }],
  restore: [
    runs,
    halted,
    refused(/it was not saved/),
    done(/^running \(restored\)/),
    refused(/it was not saved/),
    runs,
  ],
  undefine: [runs, halted, done(/^gone$/), refused(/saved state|restore it first/), done(/^gone$/), runs],
  dumpxml: [done(), done(), done(), done(), done(), done()],
  migrate: [none, none, none, none, none, none],
  resolve: [none, none, none, none, none, none],
  exec: [done(), done(), done(), done(), done(), done()],
  console: [done(), done(), done(), done(), done(), done()],
}

/** As virsh says it; `gone`: there is no such guest. */
async function stateNow(): Promise<string> {
  const known = (await daemon.virsh('list', '--all', '--name')).split('\n').map((name) => name.trim())
  return known.includes(guest.name) ? (await daemon.virsh('domstate', '--reason', guest.name)).trim() : 'gone'
}

async function isPersistent(): Promise<boolean> {
  return (await daemon.virsh('list', '--all', '--persistent', '--name')).includes(guest.name)
}

const signs: Readonly<Record<State, RegExp>> = {
  running: /^running/,
  paused: /^paused/,
  'shut off': /^shut off \((?!saved|crashed)/,
  saved: /^shut off \(saved\)/,
  killed: /^shut off \(crashed\)/,
  transient: /^running/,
}

/** Brings the guest into a state, if it is not there yet. */
async function enter(state: State): Promise<void> {
  const now = await stateNow()
  const persistent = now !== 'gone' && (await isPersistent())
  if (signs[state].test(now) && persistent === (state !== 'transient')) return
  if (/^(running|paused|in shutdown)/.test(now)) await daemon.virsh('destroy', guest.name)
  if (persistent) {
    await daemon.virsh('managedsave-remove', guest.name)
    if (state === 'transient') await daemon.virsh('undefine', guest.name)
  } else if (state !== 'transient') await daemon.virsh('define', file)
  if (state === 'transient') await daemon.virsh('create', file)
  else if (state !== 'shut off' || (await stateNow()).includes('crashed')) await daemon.virsh('start', guest.name)
  switch (state) {
    case 'paused':
      await daemon.virsh('suspend', guest.name)
      break
    case 'saved':
      await daemon.virsh('managedsave', guest.name)
      break
    case 'killed':
      await guest.signal('SIGKILL')
      await waitFor(30_000, 'libvirt to see it', async () => signs.killed.test(await stateNow()))
      break
    case 'shut off':
      if ((await stateNow()).startsWith('running')) await daemon.virsh('destroy', guest.name)
      break
    case 'running':
    case 'transient':
  }
  expect(await stateNow(), state).toMatch(signs[state])
}

describe.skipIf(missing !== undefined)('each verb in each state, seen by virsh', () => {
  beforeAll(async () => {
    daemon = await startLibvirtDaemon()
    control = new LibvirtControl({ socket: daemon.socketRo, runRoot: '/nowhere', uri: 'qemu:///system' })
    guest = await defineGuest(daemon, { name: 'guest', serialLog: join(daemon.root, 'console.log') })
    file = join(daemon.root, 'again.xml')
    await writeFile(file, await daemon.virsh('dumpxml', guest.name, '--inactive'))
  })
  afterAll(async () => {
    control?.close()
    await daemon?.stop()
  })

  it('leaves out no verb', () => {
    const others = new Set<string>(['define'])
    expect(askableVerbs.filter((verb) => !others.has(verb) && table[verb] === undefined)).toEqual([])
  })

  it.each(
    states.flatMap((state, index) =>
      askableVerbs.flatMap((verb) => {
        const expected = table[verb]?.[index]
        return expected === undefined ? [] : [[state, verb, expected] as const]
      }),
    ),
  )('%s: %s', async (state, verb, { ends, is }) => {
    await enter(state)
    bench = new VerbBench(control, guest.uuid)
    bench.programs = [{ name: 'true', program: '/bin/true', arguments: [], timeoutMs: 5000, isBulk: false }]
    const before = await stateNow()
    const { state: end, reason = '' } = await bench.attempt(verb, args[verb])
    expect([end, reason]).toEqual([ends[0], expect.stringMatching(ends[1])])
    const after = await stateNow()
    expect(is?.test(after) ?? after === before, `${before}, then ${after}`).toBe(true)
  })

  it('one that is not there: nothing is done, and that is said', async () => {
    bench = new VerbBench(control, randomUUID())
    for (const verb of askableVerbs) {
      if (table[verb] === undefined) continue
      expect(await bench.attempt(verb, args[verb]), verb).toEqual({
        state: 'refused',
        reason: expect.stringMatching(/^(no VM [0-9a-f-]+ is here|its driver cannot \w+)$/),
      })
    }
  })

  it('a shutdown that is cancelled while the guest boots leaves it running', async () => {
    await enter('shut off')
    bench = new VerbBench(control, guest.uuid)
    const cancel = new AbortController()
    const booting = guest.start()
    await waitFor(30_000, 'it to run', async () => (await stateNow()).startsWith('running'))
    const shutting = bench.run('shutdown', {}, cancel.signal)
    await waitFor(30_000, 'the guest to be asked', () => Promise.resolve(bench.said.length > 0))
    cancel.abort('cancelled')
    expect(await shutting).toMatchObject({ state: 'failed', reason: 'asked once, the guest has not shut down' })
    await booting
    await guest.tell('burn 1')
    expect(await stateNow()).toMatch(/^running/)
  })
})
