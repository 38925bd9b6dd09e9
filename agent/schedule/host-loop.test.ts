import { afterEach, describe, expect, it, vi } from 'vitest'

import { createLog } from '../../common/log.js'
import {
  HypervisorUnavailable,
  type Capability,
  type Hypervisor,
  type HypervisorEvent,
  type Inventory,
  type Sample,
  type SampleGroup,
  type SampleOptions,
  type VmRaw,
} from '../hypervisor/hypervisor.js'
import type { Pass } from '../report/report-to-wire.js'
import type { StorageHealthRaw } from '../storage/health/health-raw.js'
import { HostLoop, type HostLoopOptions, type Intervals, type Machine } from './host-loop.js'

const mail = 'c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10'
const raw = (uuid: string): VmRaw => ({ uuid, runId: 'r', atMs: 1 })
const facts = (uuid: string, name: string): Inventory['vms'][number] => ({
  uuid,
  name,
  vcpus: 1,
  memoryMaxBytes: 1,
  disks: [],
  nics: [],
})
const emptyInventory: Inventory = {
  host: { name: 'one', hypervisorVersion: 'x', memoryBytes: 1 },
  vms: [facts(mail, 'mail')],
  arrays: [],
}

interface Call {
  readonly groups: readonly SampleGroup[]
  readonly options: SampleOptions
}

/** A test double of a hypervisor: it does what the test sets, and writes down what it was asked. */
class ScriptedHypervisor implements Hypervisor {
  paced?: 'by-hypervisor'
  readonly identity = { hostId: 'h', name: 'one', kind: 'kvm', bootId: 'b', simulated: true } as const
  readonly calls: Call[] = []
  inventoryReads = 0
  listened = 0
  capabilities: readonly Capability[] = [{ name: 'cpu', support: 'yes' }]
  found: Inventory = emptyInventory
  answer: (call: Call, signal: AbortSignal) => Promise<Sample> = async () => ({ vms: [raw(mail)], gaps: [] })
  #events: HypervisorEvent[] = []
  #wake: () => void = () => undefined
  #broken: Error | undefined

  async probe(): Promise<readonly Capability[]> {
    return this.capabilities
  }

  async inventory(): Promise<Inventory> {
    this.inventoryReads += 1
    return this.found
  }

  sample(groups: ReadonlySet<SampleGroup>, options: SampleOptions, signal: AbortSignal): Promise<Sample> {
    const call = { groups: [...groups], options }
    this.calls.push(call)
    return this.answer(call, signal)
  }

  async *events(signal: AbortSignal): AsyncGenerator<HypervisorEvent, void, void> {
    this.listened += 1
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    while (!signal.aborted) {
      yield* this.#events.splice(0)
      if (this.#broken !== undefined) {
        const error = this.#broken
        this.#broken = undefined
        throw error
      }
      if (this.#events.length > 0 || signal.aborted) continue
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async close(): Promise<void> {
    await Promise.resolve()
  }

  happens(...events: readonly Partial<HypervisorEvent>[]): void {
    this.#events.push(...events.map((event) => ({ atMs: 1, kind: 'stopped', reason: 'destroyed', ...event }) as const))
    this.#wake()
  }

  breakEvents(error: Error): void {
    this.#broken = error
    this.#wake()
  }
}

const far: Intervals = { stateMs: 60_000, fastMs: 60_000, blockMs: 60_000, guestMemoryMs: 60_000, inventoryMs: 60_000 }

let running: HostLoop | undefined
afterEach(() => running?.stop())

function started(
  intervals: Partial<Intervals>,
  more: Partial<HostLoopOptions> = {},
  set: (hypervisor: ScriptedHypervisor) => void = () => undefined,
): { hypervisor: ScriptedHypervisor; loop: HostLoop; passes: Pass[]; inventories: string[]; capabilities: unknown[] } {
  const hypervisor = new ScriptedHypervisor()
  set(hypervisor)
  const passes: Pass[] = []
  const inventories: string[] = []
  const capabilities: unknown[] = []
  const loop = new HostLoop({
    hypervisor,
    machine: undefined,
    intervals: () => ({ ...far, ...intervals }),
    onPass: (pass) => passes.push(pass),
    onInventory: (inventory) => inventories.push(inventory.vms.map((vm) => vm.name).join(' ')),
    onCapabilities: (all) => capabilities.push(all),
    log: createLog('test', 'silent'),
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    ...more,
  })
  running = loop
  loop.start()
  return { hypervisor, loop, passes, inventories, capabilities }
}

describe('the health of the storage', () => {
  const healthOf = (name: string): StorageHealthRaw => ({
    sources: [{ name: 'md', state: 'not-here', reason: name }],
    items: { md: [], 'raid-controller': [], smart: [], lvm: [] },
  })
  const told = (passes: readonly Pass[]): unknown[] =>
    lanes(passes, 'state').flatMap(({ storageHealth }) => storageHealth?.sources[0]?.reason ?? [])
  const machineWith = (storageHealth: Machine['storageHealth']): Machine => ({
    sample: async () => ({ host: {}, collectors: [] }),
    arrays: async () => [],
    complete: async (known) => known,
    capabilities: async () => [],
    storageHealth,
  })

  it('goes with a report when it was read, and again after a minute; what it hangs on holds up nothing', async () => {
    let nowMs = 0
    let latest: StorageHealthRaw | undefined
    let reads = 0
    const runs = [{ name: 'health-md', durationSeconds: 1, success: true, error: '' }]
    const machine = machineWith({
      lanes: [
        {
          intervalMs: 60_000,
          // It comes back only when all ends.
          refresh: (signal) => {
            reads += 1
            return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
          },
        },
      ],
      get latest() {
        return latest
      },
      runs,
    })
    const { passes } = started({ stateMs: 2 }, { machine, monotonicMs: () => nowMs })
    const passMore = async (): Promise<void> => {
      const before = lanes(passes, 'state').length
      nowMs += 10
      await until(() => expect(lanes(passes, 'state').length).toBeGreaterThan(before + 1))
    }
    await passMore()
    expect(told(passes)).toEqual([])
    latest = healthOf('first')
    await passMore()
    await passMore()
    expect(told(passes)).toEqual(['first'])
    nowMs += 60_000
    await passMore()
    expect(told(passes)).toEqual(['first', 'first'])
    latest = healthOf('second')
    await passMore()
    expect(told(passes)).toEqual(['first', 'first', 'second'])
    expect(lanes(passes, 'state').at(-1)?.collectors).toEqual(runs)
    expect(reads).toBe(1)
  })
})

describe('a hypervisor that takes its samples itself', () => {
  it('has no fast lane and no reading after events; each sample is a pass of its own moment', async () => {
    const { hypervisor, passes } = started({ fastMs: 2 }, {}, (one) => {
      one.paced = 'by-hypervisor'
      const array = { key: 'a', readBytes: 1 }
      const earlier = [20, 40].map((atMs) => ({ vms: [raw(mail)], gaps: [], atMs, arrays: [array] }))
      one.answer = async () => ({ vms: [raw(mail)], gaps: [], atMs: 60, earlier })
    })
    await until(() => expect(passes.length).toBeGreaterThan(2))
    hypervisor.happens({ kind: 'started', reason: 'booted', vmUuid: mail })
    await until(() => expect(lanes(passes, 'event')).toHaveLength(1))
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(hypervisor.calls).toHaveLength(1)
    expect(lanes(passes, 'fast')).toEqual([])
    expect(lanes(passes, 'state').map(({ atMs, arrays }) => [atMs, arrays.length])).toEqual([
      [20, 1],
      [40, 1],
      [60, 0],
    ])
  })
})

const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5000, interval: 2 })
const lanes = (passes: readonly Pass[], lane: Pass['lane']): Pass[] => passes.filter((pass) => pass.lane === lane)

/** Ends only when its signal aborts. */
const hanging = (_call: Call, signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')))
  })

describe('lanes', () => {
  it('reads the costly groups at their own beats', async () => {
    const { hypervisor, passes } = started({ stateMs: 10 })
    await until(() => expect(lanes(passes, 'state').length).toBeGreaterThan(3))
    const asked = hypervisor.calls.filter((call) => call.options.onlyMoved !== true).map((call) => call.groups)
    const always = ['state', 'cpu', 'mem-size', 'mem-rss', 'nic', 'host']
    expect(asked[0]).toEqual([...always, 'block', 'mem-guest', 'vcpu-wait'])
    for (const groups of asked.slice(1)) expect(groups).toEqual(always)
  })

  it('asks in the fast lane only for the disks that moved', async () => {
    const { hypervisor, passes } = started({ fastMs: 5 })
    await until(() => expect(lanes(passes, 'fast').length).toBeGreaterThan(3))
    for (const call of hypervisor.calls.slice(1)) {
      expect(call).toEqual({ groups: ['block'], options: { onlyMoved: true } })
    }
    expect(lanes(passes, 'state')).toHaveLength(1)
  })

  it('follows a changed interval', async () => {
    const intervals = { stateMs: 10 }
    const { passes } = started(intervals)
    await until(() => expect(lanes(passes, 'state').length).toBeGreaterThan(2))
    intervals.stateMs = 60_000
    const atChange = lanes(passes, 'state').length
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(lanes(passes, 'state').length).toBeLessThanOrEqual(atChange + 1)
  })

  it('tells of arrays at each beat though the VMs are slow or away, and of the VMs when they have answered', async () => {
    let reads = 0
    const machine: Machine = {
      sample: async () => ({ host: {}, collectors: [] }),
      arrays: async () => [{ key: 'a', inFlight: (reads += 1) }],
      complete: async (known) => known,
      capabilities: async () => [],
    }
    let answer: (sample: Sample) => void = () => undefined
    const { hypervisor, loop, passes } = started({ fastMs: 10 }, { machine }, (one) => {
      one.answer = ({ options }) =>
        options.onlyMoved === true
          ? new Promise((resolve) => (answer = resolve))
          : Promise.resolve({ vms: [raw(mail)], gaps: [] })
    })
    const arraysOnly = (): Pass[] => lanes(passes, 'event').filter(({ arrays }) => arrays.length > 0)
    await until(() => expect(arraysOnly().length).toBeGreaterThan(4))
    expect(lanes(passes, 'fast')).toEqual([])
    expect(hypervisor.calls.filter(({ options }) => options.onlyMoved === true)).toHaveLength(1)
    expect(loop.skippedTicks).toBeGreaterThan(2)
    expect(arraysOnly().map(({ arrays }) => arrays[0]?.inFlight)).toEqual(arraysOnly().map((_pass, index) => index + 1))
    answer({ vms: [raw(mail)], gaps: [] })
    await until(() => expect(lanes(passes, 'fast')).toHaveLength(1))
    const [late] = lanes(passes, 'fast')
    expect(late).toMatchObject({ vms: [{ uuid: mail }], arrays: [], arraysApart: true })
    hypervisor.answer = async () => ({ vms: [], gaps: [] })
    answer({ vms: [], gaps: [] })
    await until(() => expect(lanes(passes, 'fast').at(-1)).toMatchObject({ arrays: [{ key: 'a' }] }))
    expect(lanes(passes, 'fast').at(-1)?.arraysApart).toBeUndefined()

    hypervisor.answer = async () => Promise.reject(new HypervisorUnavailable('socket closed'))
    await until(() => expect(loop.unreachable).toBe(true))
    const from = arraysOnly().length
    await until(() => expect(arraysOnly().length).toBeGreaterThan(from + 3))
  })

  it('counts the beats that a slow pass missed', async () => {
    const { hypervisor, loop } = started({ fastMs: 5 })
    hypervisor.answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 40))
      return { vms: [], gaps: [] }
    }
    await until(() => expect(loop.skippedTicks).toBeGreaterThan(5))
  })

  it('a machine that cannot be read costs the VMs nothing', async () => {
    const broken = async (): Promise<never> => Promise.reject(new Error('no /proc'))
    const { passes } = started(
      { stateMs: 10, fastMs: 10 },
      { machine: { sample: broken, arrays: broken, complete: async (known) => known, capabilities: async () => [] } },
    )
    await until(() => expect(lanes(passes, 'fast').length).toBeGreaterThan(0))
    expect(lanes(passes, 'state')[0]).toMatchObject({ vms: [{ uuid: mail }], host: undefined, gaps: [] })
  })
})

describe('a hypervisor that is away', () => {
  it('is a gap of the whole host since when it was last read; the fast lane rests; it recovers by itself', async () => {
    const { hypervisor, loop, passes } = started({ stateMs: 20, fastMs: 5 })
    await until(() => expect(loop.lastPassAt).toBeGreaterThan(0))
    const away = async (): Promise<never> => Promise.reject(new HypervisorUnavailable('socket closed'))
    const lastGood = Date.now()
    hypervisor.answer = away
    await until(() => expect(loop.unreachable).toBe(true))
    const from = passes.length
    const fastCalls = (): number => hypervisor.calls.filter((call) => call.options.onlyMoved === true).length
    await until(() => expect(lanes(passes.slice(from), 'state').length).toBeGreaterThan(1))
    const resting = fastCalls()
    await until(() => expect(lanes(passes.slice(from), 'state').length).toBeGreaterThan(4))
    expect(fastCalls() - resting).toBeLessThanOrEqual(1)
    const gaps = lanes(passes.slice(from), 'state').map((pass) => pass.gaps[0])
    for (const gap of gaps)
      expect(gap).toMatchObject({ group: 'state', reason: 'disconnected', message: 'socket closed' })
    expect(new Set(gaps.map((gap) => gap?.sinceMs)).size).toBe(1)
    expect(gaps[0]?.sinceMs).toBeLessThanOrEqual(lastGood + 20)

    hypervisor.answer = async () => ({ vms: [raw(mail)], gaps: [] })
    await until(() => expect(loop.unreachable).toBe(false))
    await until(() => expect(passes.at(-1)?.vms).toHaveLength(1))
    const recovered = fastCalls()
    await until(() => expect(fastCalls()).toBeGreaterThan(recovered))
  })

  it('a fault of the driver is a gap too, and stops nothing', async () => {
    const { hypervisor, passes } = started({ stateMs: 10 })
    hypervisor.answer = async () => Promise.reject(new TypeError('a fault'))
    await until(() => expect(lanes(passes, 'state').length).toBeGreaterThan(2))
    expect(lanes(passes, 'state').at(-1)?.gaps).toMatchObject([{ reason: 'failed', message: 'a fault' }])
  })

  it('shows at once when an event tells of it, not only at the next beat', async () => {
    const { hypervisor, passes } = started({})
    await until(() => expect(lanes(passes, 'state')).toHaveLength(1))
    hypervisor.answer = async () => Promise.reject(new HypervisorUnavailable('gone'))
    hypervisor.happens({ kind: 'hypervisor-lost', reason: 'unknown' })
    await until(() => expect(lanes(passes, 'event').at(-1)?.gaps).toMatchObject([{ group: 'state', message: 'gone' }]))
  })
})

describe('events', () => {
  it('are reported at once, then their VMs are read', async () => {
    const { hypervisor, passes } = started({})
    await until(() => expect(lanes(passes, 'state')).toHaveLength(1))
    hypervisor.happens({ vmUuid: mail, vmName: 'mail' })
    await until(() => expect(lanes(passes, 'event')).toHaveLength(2))
    const [told, read] = lanes(passes, 'event')
    expect(told).toMatchObject({ events: [{ vmUuid: mail, kind: 'stopped', reason: 'destroyed' }], vms: [] })
    expect(read).toMatchObject({ events: [], vms: [{ uuid: mail }] })
    const call = hypervisor.calls.at(-1)
    expect([call?.groups, [...(call?.options.vmUuids ?? [])]]).toEqual([
      ['state', 'cpu', 'mem-size', 'block', 'nic'],
      [mail],
    ])
  })

  it('that come together go in one report, and many VMs are read in one pass over all', async () => {
    const { hypervisor, passes } = started({})
    const uuidOf = (n: number): string => `${n.toString(16).padStart(8, '0')}${mail.slice(8)}`
    hypervisor.happens(...Array.from({ length: 100 }, (_, n) => ({ vmUuid: uuidOf(n) })))
    await until(() => expect(lanes(passes, 'event')).toHaveLength(2))
    expect(lanes(passes, 'event')[0]?.events).toHaveLength(100)
    expect(hypervisor.calls.at(-1)?.options).toEqual({})
  })

  it('go out even while the sample before hangs, which holds up no sample of another VM', async () => {
    const { hypervisor, passes } = started({})
    await until(() => expect(lanes(passes, 'state')).toHaveLength(1))
    hypervisor.answer = hanging
    hypervisor.happens({ vmUuid: mail })
    await until(() => expect(lanes(passes, 'event')).toHaveLength(1))
    const other = mail.replace('c', 'd')
    hypervisor.answer = async () => ({ vms: [raw(other)], gaps: [] })
    hypervisor.happens({ vmUuid: other, kind: 'crashed', reason: 'panicked' })
    await until(() => expect(lanes(passes, 'event')).toHaveLength(3))
    expect(lanes(passes, 'event').map((pass) => pass.events[0]?.vmUuid ?? pass.vms[0]?.uuid)).toEqual([
      mail,
      other,
      other,
    ])
  })

  it('of a VM that leaves make its disks be read at once, before all else of it', async () => {
    const { hypervisor, passes } = started({})
    await until(() => expect(lanes(passes, 'state')).toHaveLength(1))
    hypervisor.calls.splice(0)
    hypervisor.happens({ vmUuid: mail, kind: 'suspended', reason: 'migration' })
    await until(() => expect(lanes(passes, 'event')).toHaveLength(3))
    expect(hypervisor.calls).toEqual([
      { groups: ['block'], options: { onlyMoved: true, isLast: true, vmUuids: new Set([mail]) } },
      { groups: ['state', 'cpu', 'mem-size', 'block', 'nic'], options: { vmUuids: new Set([mail]) } },
    ])
    hypervisor.happens({ vmUuid: mail, kind: 'suspended', reason: 'user' })
    await until(() => expect(lanes(passes, 'event')).toHaveLength(5))
    expect(hypervisor.calls).toHaveLength(3)
  })

  it('go on after the source of them broke', async () => {
    const { hypervisor, passes } = started({})
    await until(() => expect(hypervisor.listened).toBe(1))
    hypervisor.breakEvents(new Error('a fault'))
    await until(() => expect(hypervisor.listened).toBe(2))
    hypervisor.happens({ vmUuid: mail })
    await until(() => expect(lanes(passes, 'event').length).toBeGreaterThan(0))
  })

  it('tell no gap of single VMs: the state lane does', async () => {
    const { hypervisor, passes } = started({})
    hypervisor.answer = async () => ({
      vms: [],
      gaps: [{ vmUuid: mail, group: 'cpu', reason: 'timeout', message: '', sinceMs: 1 }],
    })
    hypervisor.happens({ vmUuid: mail })
    await until(() => expect(lanes(passes, 'event')).toHaveLength(2))
    expect(lanes(passes, 'event')[1]?.gaps).toEqual([])
  })
})

describe('inventory', () => {
  it('is read at the start and upon events, and told only when it changed, whatever its order', async () => {
    const { hypervisor, inventories, capabilities } = started({})
    await until(() => expect(inventories).toEqual(['mail']))
    const two = [facts(mail, 'mail'), facts(mail.replace('c', 'd'), 'www')]
    hypervisor.found = { ...emptyInventory, vms: two }
    hypervisor.happens({ kind: 'defined' })
    await until(() => expect(inventories).toEqual(['mail', 'mail www']))
    hypervisor.found = { ...emptyInventory, vms: two.toReversed() }
    const reads = hypervisor.inventoryReads
    hypervisor.happens({ kind: 'started' })
    await until(() => expect(hypervisor.inventoryReads).toBeGreaterThan(reads))
    await until(() => expect(capabilities.length).toBe(hypervisor.inventoryReads))
    expect(inventories).toHaveLength(2)
  })

  it('is not read again for what changes no definition', async () => {
    const { hypervisor, passes, inventories } = started({})
    await until(() => expect(inventories).toHaveLength(1))
    hypervisor.happens({ kind: 'balloon-changed' }, { kind: 'suspended' }, { kind: 'resumed' })
    await until(() => expect(lanes(passes, 'event')).toHaveLength(2))
    expect(hypervisor.inventoryReads).toBe(1)
  })

  it('is not read more often than once a second, however much happens', async () => {
    const { hypervisor, passes } = started({})
    for (let round = 1; round <= 8; round += 1) {
      hypervisor.happens({ kind: 'defined' })
      await until(() => expect(lanes(passes, 'event').length).toBeGreaterThanOrEqual(2 * round))
    }
    expect(hypervisor.inventoryReads).toBeLessThanOrEqual(2)
  })

  it('can be read before all else, and is not read twice then', async () => {
    const hypervisor = new ScriptedHypervisor()
    const seen: string[] = []
    const loop = new HostLoop({
      hypervisor,
      machine: {
        sample: async () => ({ host: {}, collectors: [] }),
        arrays: async () => [],
        complete: async (known) => ({ ...known, machine: 'a box' }),
        capabilities: async () => [{ name: 'cpu', support: 'degraded', reason: 'the machine says so' }],
      },
      intervals: () => far,
      onPass: () => seen.push('pass'),
      onInventory: ({ host }) => seen.push(`inventory of ${host.machine ?? ''}`),
      onCapabilities: (all) => seen.push(all.map((one) => `${one.name} ${one.support}`).join()),
      log: createLog('test', 'silent'),
      now: () => Date.now(),
      monotonicMs: () => performance.now(),
    })
    running = loop
    await loop.prepare()
    expect(seen).toEqual(['cpu degraded', 'inventory of a box'])
    loop.start()
    await until(() => expect(seen).toContain('pass'))
    expect(hypervisor.inventoryReads).toBe(1)
  })

  it('what the driver knows of the machine goes before what the machine says of itself', async () => {
    const hypervisor = new ScriptedHypervisor()
    hypervisor.answer = async () => ({ vms: [], gaps: [], host: { cpuThreads: 4 } })
    const hosts: unknown[] = []
    const loop = new HostLoop({
      hypervisor,
      machine: {
        sample: async () => ({ host: { load1: 0.5, cpuThreads: 1 }, collectors: [] }),
        arrays: async () => [],
        complete: async (known) => known,
        capabilities: async () => [],
      },
      intervals: () => far,
      onPass: ({ lane, host }) => void (lane === 'state' && hosts.push(host)),
      onInventory: () => undefined,
      onCapabilities: () => undefined,
      log: createLog('test', 'silent'),
      now: () => Date.now(),
      monotonicMs: () => performance.now(),
    })
    running = loop
    loop.start()
    await until(() => expect(hosts[0]).toEqual({ load1: 0.5, cpuThreads: 4 }))
  })

  it('that cannot be read yet is read later', async () => {
    const { hypervisor, inventories } = started({ inventoryMs: 10 })
    const { found } = hypervisor
    Object.defineProperty(hypervisor, 'found', {
      configurable: true,
      get: () => {
        throw new HypervisorUnavailable('not yet')
      },
    })
    await until(() => expect(hypervisor.inventoryReads).toBeGreaterThan(0))
    Object.defineProperty(hypervisor, 'found', { value: { ...found, vms: [facts(mail, 'later')] } })
    hypervisor.happens({ kind: 'hypervisor-back', reason: 'unknown' })
    await until(() => expect(inventories.at(-1)).toBe('later'))
  })
})

describe('stop', () => {
  it('ends at once, also in samples that hang, and tells what happened until then', async () => {
    const { hypervisor, loop, passes } = started({ stateMs: 10, fastMs: 10 })
    await until(() => expect(passes.length).toBeGreaterThan(0))
    hypervisor.answer = hanging
    hypervisor.happens({ vmUuid: mail })
    await until(() => expect(hypervisor.calls.at(-1)?.options.vmUuids?.has(mail)).toBe(true))
    hypervisor.happens({ vmUuid: mail, kind: 'crashed' })
    await new Promise((resolve) => setImmediate(resolve))
    const began = performance.now()
    await loop.stop()
    expect(performance.now() - began).toBeLessThan(200)
    expect(lanes(passes, 'event').flatMap((pass) => pass.events.map((event) => event.kind))).toEqual([
      'stopped',
      'crashed',
    ])
  })

  it('right after the start, and twice', async () => {
    const { loop } = started({})
    await expect(Promise.all([loop.stop(), loop.stop()])).resolves.toHaveLength(2)
  })
})
