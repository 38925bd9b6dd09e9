import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'

import { pino } from 'pino'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

import { openEsxi, type EsxiOptions } from '../../agent/hypervisor/esxi/driver.js'
import type { Hypervisor, Sample } from '../../agent/hypervisor/hypervisor.js'
import { simulatorProgram, startSimulator, type Simulator } from '../support/govmomi/simulator.js'

/**
 * The driver against govmomi's simulator: another hand's idea of vSphere than our own double. Its counters are canned noise that
 * repeats, and zeros are missing from its XML; so sizes, names, times and what is absent are compared, and no figure's value.
 */

let simulator: Simulator
let dataDir: string
let logged: string
const open: Hypervisor[] = []

const log = pino(
  { level: 'trace' },
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString('utf8')
      done()
    },
  }),
)

// A minute of CPU where it is not in the cache.
beforeAll(() => simulatorProgram(), 600_000)

beforeEach(() => {
  logged = ''
  dataDir = mkdtempSync(join(tmpdir(), 'headroom-govmomi-'))
})

afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
  await simulator.stop()
  rmSync(dataDir, { recursive: true })
  if (logged.includes(simulator.password)) throw new Error('the password is in the log')
})

async function connect(more: Partial<EsxiOptions> = {}): Promise<readonly Hypervisor[]> {
  const passwordFile = join(dataDir, 'password')
  writeFileSync(passwordFile, simulator.password, { mode: 0o600 })
  const hypervisors = await openEsxi({
    url: simulator.url,
    user: simulator.user,
    passwordFile,
    trust: { by: 'thumbprint', sha256: simulator.thumbprint },
    dataDir,
    log,
    now: Date.now,
    maxWaitMs: 1000,
    ...more,
  })
  open.push(...hypervisors)
  return hypervisors
}

const pass = (hypervisor: Hypervisor): Promise<Sample> =>
  hypervisor.sample(new Set(['state', 'cpu', 'block']), {}, AbortSignal.timeout(30_000))

const isWhole = ({ gaps, vms, host }: Sample): boolean =>
  gaps.length === 0 && host !== undefined && vms.every((vm) => vm.state !== undefined)

describe.each([
  ['an ESXi host', { vcenter: false, machines: 3 }, { hosts: 1, vms: 3 }],
  // One host alone and three in a cluster, with so many VMs for each of the two resource pools.
  ['a vCenter', { vcenter: true, machines: 4 }, { hosts: 4, vms: 8 }],
] as const)('%s', (_name, options, expected) => {
  it('tells all its hosts, VMs, sizes and datastores', async () => {
    simulator = await startSimulator(options)
    const hypervisors = await connect()
    expect(hypervisors.length).toBe(expected.hosts)
    expect(new Set(hypervisors.map(({ identity }) => identity.hostId)).size).toBe(expected.hosts)
    const inventories = await Promise.all(hypervisors.map((one) => one.inventory(AbortSignal.timeout(30_000))))
    const vms = inventories.flatMap((inventory) => inventory.vms)
    expect(vms.length).toBe(expected.vms)
    expect(new Set(vms.map(({ uuid }) => uuid)).size).toBe(expected.vms)
    for (const { host, arrays } of inventories) {
      expect(host).toMatchObject({ os: 'VMware ESXi', hypervisorVersion: expect.stringMatching(/^6\.5\.0 build-\d+/) })
      expect(host.memoryBytes).toBeGreaterThan(2 ** 30)
      expect(host.cpuCores).toBeGreaterThan(0)
      expect(arrays).toMatchObject([{ name: 'LocalDS_0', sizeBytes: expect.any(Number) }])
    }
    for (const vm of vms) {
      expect(vm).toMatchObject({
        vcpus: 1,
        memoryMaxBytes: 32 * 2 ** 20,
        disks: [{ target: 'scsi0:0', format: 'vmdk', source: expect.stringMatching(/^\[LocalDS_0\] .*\.vmdk$/) }],
        nics: [{ device: '4000', model: 'e1000' }],
      })
      const known = inventories.flatMap(({ arrays }) => arrays.map(({ key }) => key))
      expect(known).toContain(vm.disks[0]?.arrayKey)
    }
  })

  it('tells samples of every VM that runs, at their own times, without what it does not count', async () => {
    simulator = await startSimulator(options)
    const hypervisors = await connect()
    for (const hypervisor of hypervisors) {
      const capabilities = await hypervisor.probe(AbortSignal.timeout(30_000))
      expect(capabilities.find(({ name }) => name === 'disk-latency')).toMatchObject({ support: 'yes' })
      const { vms } = await hypervisor.inventory(AbortSignal.timeout(30_000))
      let sample = await pass(hypervisor)
      await vi.waitFor(
        async () => {
          // The simulator makes samples as it is asked: an interval that ends meanwhile has those of some VMs only, and the
          // others' come in the next pass.
          if (!isWhole(sample)) sample = await pass(hypervisor)
          expect(isWhole(sample)).toBe(true)
        },
        { timeout: 45_000, interval: 1000 },
      )
      const all = [...(sample.earlier ?? []), sample]
      expect(Math.abs(Date.now() - (sample.atMs ?? 0))).toBeLessThan(60_000)
      expect(sample.vms.map(({ uuid }) => uuid).toSorted()).toEqual(vms.map(({ uuid }) => uuid).toSorted())
      for (const vm of sample.vms) {
        expect(vm).toMatchObject({ state: 'running', vcpus: 1, memoryMaxBytes: 32 * 2 ** 20 })
        expect(vm.cpuSeconds).toBeGreaterThan(0)
        expect(vm.memoryActiveBytes).toBeGreaterThanOrEqual(0)
        expect(vm.memoryGuestUsedBytes).toBeUndefined()
        for (const disk of vm.disks ?? []) expect(disk).not.toHaveProperty('flushRequests')
      }
      expect(sample.host?.memoryBytes).toBeGreaterThan(2 ** 30)
      expect(sample.host).not.toHaveProperty('load1')
      const numbers = JSON.stringify(all).match(/:-?\d[\d.e+-]*/g) ?? []
      expect(numbers.length).toBeGreaterThan(10)
      expect(numbers.filter((text) => text.startsWith(':-'))).toEqual([])
    }
  })
})

it('each interval comes once, and totals only grow', async () => {
  simulator = await startSimulator({ machines: 2 })
  const [hypervisor] = await connect()
  if (hypervisor === undefined) throw new Error('no host')
  const first = await pass(hypervisor)
  let next = first
  await vi.waitFor(
    async () => {
      next = await pass(hypervisor)
      expect(next.atMs).toBeGreaterThan(first.atMs ?? 0)
    },
    { timeout: 40_000, interval: 1000 },
  )
  expect((next.atMs ?? 0) - (first.atMs ?? 0)).toBeGreaterThanOrEqual(20_000)
  expect(next.vms.length).toBe(2)
  for (const { uuid, runId, cpuSeconds = 0, disks = [] } of next.vms) {
    const before = first.vms.find((vm) => vm.uuid === uuid)
    expect(runId).toBe(before?.runId)
    expect(cpuSeconds).toBeGreaterThanOrEqual(before?.cpuSeconds ?? Infinity)
    expect(disks.map(({ target }) => target)).toEqual(before?.disks?.map(({ target }) => target))
  }
})

it('has VMs ended, started and reset, and guests asked, where that is allowed', async () => {
  simulator = await startSimulator({ machines: 2 })
  const [hypervisor] = await connect({ control: true })
  const signal = AbortSignal.timeout(30_000)
  const [vm, other] = (await hypervisor?.inventory(signal))?.vms ?? []
  const control = hypervisor?.control
  if (vm === undefined || other === undefined || control === undefined) throw new Error('no VM to act on')
  const stateOf = async (uuid: string): Promise<string | undefined> => (await control.look(uuid, signal))?.state
  await control.power(vm.uuid, 'destroy', signal)
  expect([await stateOf(vm.uuid), await stateOf(other.uuid)]).toEqual(['shutoff', 'running'])
  await expect(control.power(vm.uuid, 'destroy', signal)).rejects.toMatchObject({ name: 'ActionRefused' })
  await control.power(vm.uuid, 'start', signal)
  expect(await control.look(vm.uuid, signal)).toMatchObject({ name: vm.name, state: 'running' })
  await control.power(vm.uuid, 'reset', signal)
  await control.power(vm.uuid, 'shutdown', signal)
  await vi.waitFor(async () => expect(await stateOf(vm.uuid)).toBe('shutoff'), { timeout: 10_000, interval: 200 })
})

describe('the way in', () => {
  it('a session that has ended is made anew, and nothing is missing after it', async () => {
    simulator = await startSimulator({ machines: 2, sessionIdleMs: 500 })
    const [hypervisor] = await connect({ maxWaitMs: 4000 })
    if (hypervisor === undefined) throw new Error('no host')
    await vi.waitFor(
      async () => {
        await pass(hypervisor)
        expect(logged).toContain('the vSphere session has ended')
      },
      { timeout: 30_000, interval: 1000 },
    )
    const { vms } = await pass(hypervisor)
    expect(vms.length).toBe(2)
  })

  it('a wrong password is refused in words, without the password, and not tried again', async () => {
    simulator = await startSimulator()
    const passwordFile = join(dataDir, 'wrong')
    writeFileSync(passwordFile, 'wrong', { mode: 0o600 })
    await expect(connect({ passwordFile })).rejects.toMatchObject({
      name: 'HypervisorDenied',
      message: expect.stringContaining(`refused the login of ${simulator.user}: InvalidLogin`),
    })
  })

  it('another certificate is refused, and the one named by its authority is taken', async () => {
    simulator = await startSimulator()
    const sha256 = 'AB:'.repeat(31) + 'CD'
    await expect(connect({ trust: { by: 'thumbprint', sha256 } })).rejects.toMatchObject({ name: 'HypervisorDenied' })
    await expect(connect({ trust: { by: 'system' } })).rejects.toThrow(/not trusted/)
    expect(await connect({ trust: { by: 'ca', pem: simulator.caPem } })).toHaveLength(1)
  })
})
