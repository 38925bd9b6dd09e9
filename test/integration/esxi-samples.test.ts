import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'

import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { openEsxi, type EsxiOptions } from '../../agent/hypervisor/esxi/driver.js'
import type { Trust } from '../../agent/hypervisor/esxi/https-channel.js'
import { RefusedLogin } from '../../agent/hypervisor/esxi/refused-login.js'
import type { Hypervisor, Sample } from '../../agent/hypervisor/hypervisor.js'
import { checkEsxi } from '../real/esxi-check.js'
import {
  doublePassword,
  doubleUser,
  startVsphereDouble,
  type DoubleOptions,
  type VsphereDouble,
} from '../support/vsphere-double.js'
import { Ledger } from '../support/vsphere-double-ledger.js'
import { doubleIntervalMs } from '../support/vsphere-double-world.js'

// 20-second intervals begin here.
const t0 = 1_800_000_000_000

let nowMs: number
let dataDir: string
let passwordFile: string
let logged: string
let double: VsphereDouble
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

beforeEach(() => {
  nowMs = t0 + 5000
  logged = ''
  dataDir = mkdtempSync(join(tmpdir(), 'headroom-esxi-'))
  passwordFile = join(dataDir, 'password')
  writeFileSync(passwordFile, `${doublePassword}\n`, { mode: 0o600 })
})

afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
  await double.close()
  rmSync(dataDir, { recursive: true })
  if (logged.includes(doublePassword)) throw new Error('the password is in the log')
})

async function connect(more: Partial<EsxiOptions> = {}): Promise<readonly Hypervisor[]> {
  const hypervisors = await openEsxi({
    url: double.url,
    user: doubleUser,
    passwordFile,
    trust: { by: 'thumbprint', sha256: double.thumbprint },
    dataDir,
    log,
    now: () => nowMs,
    maxWaitMs: 1000,
    ...more,
  })
  open.push(...hypervisors)
  return hypervisors
}

async function connectOne(more: Partial<EsxiOptions> = {}): Promise<Hypervisor> {
  const [hypervisor] = await connect(more)
  if (hypervisor === undefined) throw new Error('no host')
  return hypervisor
}

function pass(hypervisor: Hypervisor): Promise<Sample> {
  return hypervisor.sample(new Set(['state', 'cpu', 'block']), {}, AbortSignal.timeout(30_000))
}

/** A pass every 10 seconds, as the agent makes them. */
async function passes(hypervisor: Hypervisor, ledger: Ledger, seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 10) {
    ledger.add(await pass(hypervisor))
    nowMs += 10_000
  }
}

describe('samples', () => {
  it('come each once, of 500 VMs, while the session expires, the server is away for 60 s and the agent starts again', async () => {
    double = await startVsphereDouble({ now: () => nowMs, vms: 500 })
    const hypervisor = await connectOne({ deadlineMs: 5000 })
    const ledger = new Ledger()
    await passes(hypervisor, ledger, 40)
    double.expireSessions()
    await passes(hypervisor, ledger, 40)
    expect(double.count('Login')).toBe(2)
    double.outage(true)
    for (let passed = 0; passed < 60; passed += 10) {
      await expect(pass(hypervisor)).rejects.toMatchObject({ name: 'HypervisorUnavailable' })
      nowMs += 10_000
    }
    double.outage(false)
    await passes(hypervisor, ledger, 40)
    await hypervisor.close()
    nowMs += 45_000
    await passes(await connectOne(), ledger, 40)
    const intervals = Math.floor((nowMs - 10_000 - t0) / doubleIntervalMs)
    expect(ledger.check(double.world.vms, t0 - doubleIntervalMs, t0 + intervals * doubleIntervalMs)).toBe(
      500 * (intervals + 1),
    )
    expect(ledger.problems).toEqual([])
    expect(ledger.named.size).toBe(500)
  })

  it('are asked for once an interval', async () => {
    double = await startVsphereDouble({ now: () => nowMs })
    const hypervisor = await connectOne()
    await passes(hypervisor, new Ledger(), 200)
    expect(double.count('QueryPerf')).toBe(10)
  })

  it('go on over a restart, even if what was told last was not kept', async () => {
    double = await startVsphereDouble({ now: () => nowMs, vms: 20 })
    const ledger = new Ledger()
    for (let life = 0; life < 4; life += 1) {
      const hypervisor = await connectOne()
      await passes(hypervisor, ledger, 10 + 30 * life)
      await hypervisor.close()
      nowMs += 90_000
    }
    const hypervisor = await connectOne()
    await passes(hypervisor, ledger, 30)
    const last = Math.floor((nowMs - 10_000) / doubleIntervalMs) * doubleIntervalMs
    expect(ledger.check(double.world.vms, t0 - doubleIntervalMs, last)).toBeGreaterThan(20 * 20)
    expect(ledger.problems).toEqual([])
  })

  it('are caught up with after a long silence, some minutes at a time', async () => {
    double = await startVsphereDouble({ now: () => nowMs, vms: 3 })
    const hypervisor = await connectOne()
    const ledger = new Ledger()
    await passes(hypervisor, ledger, 20)
    nowMs += 50 * 60_000
    await passes(hypervisor, ledger, 100)
    const last = Math.floor((nowMs - 10_000) / doubleIntervalMs) * doubleIntervalMs
    expect(ledger.check(double.world.vms, t0 - doubleIntervalMs, last)).toBeGreaterThan(3 * 150)
    expect(ledger.problems).toEqual([])
  })

  it('begin a new run after a hole that vSphere does not remember, which is no boot', async () => {
    double = await startVsphereDouble({ now: () => nowMs, vms: 1 })
    const ledger = new Ledger()
    const hypervisor = await connectOne()
    await passes(hypervisor, ledger, 40)
    const { bootId } = hypervisor.identity
    nowMs += 3 * 3_600_000
    await passes(hypervisor, ledger, 100)
    expect(hypervisor.identity.bootId).toBe(bootId)
    expect(ledger.hostRuns.size).toBe(2)
    const growths = ledger.growths(double.vm(0).instanceUuid)
    expect(growths.length).toBeGreaterThan(5)
    // None of them reaches over the hole.
    expect(growths.filter(({ fromMs, toMs }) => toMs - fromMs !== doubleIntervalMs)).toEqual([])
  })

  it.each([
    ['tells the newest first', { newestFirst: true }],
    ['tells the sample at the start time as well', { newestFirst: true, startsInclusively: true }],
  ])('are read from a server that leaves zeros out and %s', async (_name, habits) => {
    double = await startVsphereDouble({ now: () => nowMs, vms: 10, dropsZeros: true, ...habits })
    const hypervisor = await connectOne()
    const ledger = new Ledger()
    await passes(hypervisor, ledger, 40)
    nowMs += 90_000
    await passes(hypervisor, ledger, 40)
    const last = Math.floor((nowMs - 10_000) / doubleIntervalMs) * doubleIntervalMs
    expect(ledger.check(double.world.vms, t0 - doubleIntervalMs, last)).toBeGreaterThan(10 * 7)
    expect(ledger.problems).toEqual([])
  })

  it('may come late: each goes to its own time, and meanwhile the VM is a gap, not gone', async () => {
    double = await startVsphereDouble({ now: () => nowMs, vms: 3 })
    const hypervisor = await connectOne()
    const ledger = new Ledger()
    await passes(hypervisor, ledger, 40)
    double.lateByMs.set('vm-2', 50_000)
    const late = double.vm(1)
    const gaps: string[] = []
    for (let passed = 0; passed < 12; passed += 1) {
      const sample = await pass(hypervisor)
      ledger.add(sample)
      expect(ledger.named.size).toBe(3)
      gaps.push(...sample.gaps.flatMap((gap) => gap.vmUuid ?? []))
      nowMs += 10_000
    }
    expect(new Set(gaps)).toEqual(new Set([late.instanceUuid]))
    const last = Math.floor((nowMs - 70_000) / doubleIntervalMs) * doubleIntervalMs
    expect(ledger.check(double.world.vms, t0 - doubleIntervalMs, last)).toBeGreaterThan(3 * 4)
    expect(ledger.problems).toEqual([])
  })

  it('go to the times of our clock when the server has another', async () => {
    double = await startVsphereDouble({ now: () => nowMs + 600_000, vms: 1 })
    const hypervisor = await connectOne()
    const { atMs = 0 } = await pass(hypervisor)
    expect(nowMs - atMs).toBeGreaterThanOrEqual(0)
    expect(nowMs - atMs).toBeLessThan(doubleIntervalMs)
  })

  it('of a VM that is off: it is told as off, without figures', async () => {
    double = await startVsphereDouble({ now: () => nowMs, vms: 2 })
    const vm = double.vm(0)
    vm.power = 'poweredOff'
    const hypervisor = await connectOne()
    const { vms } = await pass(hypervisor)
    expect(vms.find((one) => one.uuid === vm.instanceUuid)).toMatchObject({ state: 'shutoff', runId: '' })
    expect(vms.find((one) => one.uuid === vm.instanceUuid)?.cpuSeconds).toBeUndefined()
    expect(vms.find((one) => one.uuid === double.vm(1).instanceUuid)?.state).toBe('running')
  })
})

describe('events', () => {
  it('tell of power within two seconds, of moves on a vCenter, and of what is lost', async () => {
    double = await startVsphereDouble({ now: () => nowMs, hosts: 2, vms: 4 })
    const [first, second] = await connect({ deadlineMs: 2000 })
    if (first === undefined || second === undefined) throw new Error('no hosts')
    const [ofFirst, ofSecond] = [first, second].map((one) => follow(one))
    const moved = double.vm(0)
    const stopped = double.vm(1)
    stopped.power = 'poweredOff'
    double.changed()
    await vi.waitFor(() => expect(ofSecond).toContainEqual(['stopped', 'unknown', stopped.instanceUuid]), {
      timeout: 2000,
    })
    stopped.power = 'poweredOn'
    double.changed()
    await vi.waitFor(() => expect(ofSecond).toContainEqual(['started', 'booted', stopped.instanceUuid]), {
      timeout: 2000,
    })
    moved.hostId = 'host-2'
    double.changed()
    await vi.waitFor(() => {
      expect(ofFirst).toContainEqual(['stopped', 'migrated', moved.instanceUuid])
      expect(ofSecond).toContainEqual(['resumed', 'migrated', moved.instanceUuid])
    })
    double.outage(true)
    await vi.waitFor(() => expect(ofFirst).toContainEqual(['hypervisor-lost', 'unknown', undefined]), {
      timeout: 10_000,
    })
    double.outage(false)
    await vi.waitFor(() => expect(ofFirst).toContainEqual(['hypervisor-back', 'unknown', undefined]), {
      timeout: 10_000,
    })
  })

  it('are followed anew after trouble without leaving filters and views in the session', async () => {
    double = await startVsphereDouble({ now: () => nowMs, vms: 2 })
    const heard = follow(await connectOne())
    // A view and a filter.
    expect(double.held).toBe(2)
    for (let times = 1; times <= 3; times += 1) {
      double.faults.set('WaitForUpdatesEx', 'SystemError')
      double.changed()
      const lost = (): number => heard.filter(([kind]) => kind === 'hypervisor-lost').length
      await vi.waitFor(() => expect(lost()).toBe(times), { timeout: 10_000 })
      double.faults.clear()
      const back = (): number => heard.filter(([kind]) => kind === 'hypervisor-back').length
      await vi.waitFor(() => expect(back()).toBe(times), { timeout: 10_000 })
    }
    expect([double.count('CreateFilter') >= 4, double.held]).toEqual([true, 2])
  })

  it('tell of no loss when the session ends again and again', async () => {
    double = await startVsphereDouble({ now: () => nowMs, vms: 2 })
    const hypervisor = await connectOne()
    const heard = follow(hypervisor)
    const vm = double.vm(0)
    for (let times = 1; times <= 3; times += 1) {
      double.expireSessions()
      await vi.waitFor(() => expect(double.count('WaitForUpdatesEx')).toBeGreaterThan(2 * times), { timeout: 5000 })
      await vi.waitFor(() => expect(double.count('CreateFilter')).toBe(times + 1), { timeout: 5000 })
      const before = heard.length
      vm.power = vm.power === 'poweredOn' ? 'poweredOff' : 'poweredOn'
      double.changed()
      await vi.waitFor(() => expect(heard.length).toBeGreaterThan(before), { timeout: 5000 })
    }
    expect(heard.map(([kind]) => kind)).toEqual(['stopped', 'started', 'stopped'])
  })

  function follow(hypervisor: Hypervisor): [string, string, string | undefined][] {
    const heard: [string, string, string | undefined][] = []
    const read = async (): Promise<void> => {
      for await (const { kind, reason, vmUuid } of hypervisor.events(AbortSignal.timeout(60_000)))
        heard.push([kind, reason, vmUuid])
    }
    void read()
    return heard
  }
})

describe('inventory', () => {
  it('is complete: 1200 VMs with their disks on the arrays behind the datastores', async () => {
    double = await startVsphereDouble({ now: () => nowMs, vms: 1200 })
    const hypervisor = await connectOne()
    const { host, vms, arrays } = await hypervisor.inventory(AbortSignal.timeout(30_000))
    expect(vms.length).toBe(1200)
    expect(host).toMatchObject({ name: 'esxi1.example', memoryBytes: 64 * 2 ** 30, cpuCores: 16, cpuThreads: 32 })
    expect(arrays.map(({ key, kind }) => [key, kind])).toEqual([
      ['iscsi:iqn.2010-01.example:box', 'iscsi'],
      ['nfs:filer:/vol/vms', 'nfs'],
    ])
    expect(vms.find((vm) => vm.uuid === double.vm(7).instanceUuid)).toMatchObject({
      name: 'vm & 8',
      vcpus: 2,
      memoryMaxBytes: 4 * 2 ** 30,
      osType: 'Debian GNU/Linux',
      metadata: { description: 'mail & news' },
      disks: [
        {
          target: 'scsi0:0',
          backend: 'vmfs',
          arrayKey: 'iscsi:iqn.2010-01.example:box',
          unit: 'lun-one, LUN 3, naa.600140512345',
        },
        { target: 'scsi0:1', backend: 'nfs', arrayKey: 'nfs:filer:/vol/vms', capacityBytes: 2 ** 30 },
      ],
      nics: [{ device: '4000', mac: '00:0c:29:36:63:62', network: 'VM Network', model: 'vmxnet3' }],
    })
    const capabilities = await hypervisor.probe(AbortSignal.timeout(10_000))
    expect(capabilities.find((one) => one.name === 'memory-active')?.support).toBe('yes')
    expect(capabilities.find((one) => one.name === 'memory-guest')?.support).toBe('no')
  })
})

describe('the check for a real host', () => {
  async function checked(habits: Partial<DoubleOptions> = {}): Promise<{ failures: number; lines: string[] }> {
    double = await startVsphereDouble({ now: () => nowMs, vms: 3, ...habits })
    const lines: string[] = []
    const failures = await checkEsxi({
      options: {
        url: double.url,
        user: doubleUser,
        passwordFile,
        trust: { by: 'thumbprint', sha256: double.thumbprint },
        dataDir,
        log,
        now: () => nowMs,
        maxWaitMs: 1000,
      },
      intervals: 3,
      pause: (ms) => {
        nowMs += ms
        return Promise.resolve()
      },
      print: (line) => lines.push(line),
    })
    return { failures, lines }
  }

  it('finds nothing where all is as it should be', async () => {
    const { failures, lines } = await checked()
    expect(lines.filter((line) => line.startsWith('FAILED'))).toEqual([])
    expect([failures, lines.at(-1)]).toEqual([0, '\nall as it should be'])
    expect(lines.filter((line) => line.includes('KBps'))).toHaveLength(3)
  })

  it('says what is missing', async () => {
    const { failures, lines } = await checked({ withoutCounter: 'virtualDisk.totalReadLatency.average' })
    expect(failures).toBe(2)
    expect(lines.join('\n')).toMatch(
      /FAILED the server has all counters\n +disk-latency: this server has no counter virtualDisk/,
    )
    expect(lines.join('\n')).toMatch(/vm & 1 lacks scsi0:0, scsi0:1/)
  })
})

describe('trust', () => {
  it.each<[string, (double: VsphereDouble) => Trust, RegExp]>([
    [
      'another thumbprint',
      () => ({ by: 'thumbprint', sha256: 'AB:'.repeat(31) + 'CD' }),
      /thumbprint (?:[0-9A-F]{2}:){31}.*expected AB:AB/,
    ],
    ['no authority of the system', () => ({ by: 'system' }), /not trusted/],
  ])('with %s the server is refused, and nothing is sent to it', async (_name, trust, message) => {
    double = await startVsphereDouble({ now: () => nowMs })
    await expect(connect({ trust: trust(double) })).rejects.toMatchObject({
      name: 'HypervisorDenied',
      message: expect.stringMatching(message),
    })
    expect(double.calls.size).toBe(0)
  })

  it('by authority works', async () => {
    double = await startVsphereDouble({ now: () => nowMs })
    const hypervisor = await connectOne({ trust: { by: 'ca', pem: double.caPem } })
    expect(hypervisor.identity).toMatchObject({ kind: 'esxi', name: 'esxi1.example', simulated: false })
  })

  it('a refused password is not tried again and again', async () => {
    double = await startVsphereDouble({ now: () => nowMs })
    const hypervisor = await connectOne()
    double.faults.set('Login', 'InvalidLogin')
    double.expireSessions()
    const before = double.count('Login')
    for (let tries = 0; tries < 3; tries += 1) await expect(pass(hypervisor)).rejects.toThrow(/refused the login/)
    expect(double.count('Login')).toBe(before + 1)
    double.faults.clear()
    nowMs += 10 * 60_000
    await pass(hypervisor)
  })

  it('a password that everybody on the machine may read is not used', async () => {
    double = await startVsphereDouble({ now: () => nowMs })
    chmodSync(passwordFile, 0o604)
    await expect(connect()).rejects.toThrow(`others may read ${passwordFile} (mode 604)`)
    expect(double.calls.size).toBe(0)
    chmodSync(passwordFile, 0o640)
    await connect()
  })

  it('a refused password is not tried again and again while the host cannot be opened', async () => {
    double = await startVsphereDouble({ now: () => nowMs })
    const refused = new RefusedLogin()
    writeFileSync(passwordFile, 'wrong')
    for (let tries = 0; tries < 3; tries += 1) await expect(connect({ refused })).rejects.toThrow(/refused the login/)
    expect(double.count('Login')).toBe(1)
    writeFileSync(passwordFile, doublePassword)
    await connect({ refused })
  })
})
