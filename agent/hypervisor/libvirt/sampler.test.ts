import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import {
  answerOpening,
  startFakeDaemon,
  type Answer,
  type FakeDaemon,
} from '../../../test/support/libvirt-fake-daemon.js'
import { createLocalFiles } from '../../host/local-files.js'
import { HypervisorUnavailable, type Sample, type SampleGroup } from '../hypervisor.js'
import type { Packet } from './packet.js'
import { procedure } from './procedures.js'
import { createReaderMemory } from './reader-memory.js'
import { Sampler } from './sampler.js'
import { openSession, type Session } from './session.js'
import { XdrReader, XdrWriter } from './xdr.js'

/** VMs of the fake daemon: what they answer about themselves. */
interface FakeVm {
  readonly name: string
  readonly uuid: string
  readonly id: number
  state: number
  block: Answer | 'works'
  info: Answer | 'works'
  readonly disk: string
}

const uuids = ['81829711-6d74-402e-a757-2a5ddac00a2e', 'e4d9b1da-e974-4b6f-b438-8a47c2c8dc65'] as const
const fileDisk = `<disk type='file'><source file='/a'/><target dev='vda'/></disk>`
const networkDisk = `<disk type='network'><source protocol='rbd' name='p/i'/><target dev='vda'/></disk>`

let vms: FakeVm[]
let listing: Answer | 'works'
let clock: number
let procRoot: string
let daemon: FakeDaemon
let session: Session
let sampler: Sampler
const { signal } = new AbortController()

beforeEach(async () => {
  vms = [
    { name: 'a', uuid: uuids[0], id: 1, state: 1, block: 'works', info: 'works', disk: fileDisk },
    { name: 'b', uuid: uuids[1], id: 2, state: 1, block: 'works', info: 'works', disk: fileDisk },
  ]
  listing = 'works'
  clock = 1000
  procRoot = await mkdtemp(path.join(tmpdir(), 'headroom-proc-'))
  daemon = await startFakeDaemon(answerOf)
  session = await openSession({ socket: daemon.path, runRoot: '', uri: 'qemu:///system', onMessage: () => undefined })
  const memory = await createReaderMemory({ files: createLocalFiles(), procRoot, now: () => clock })
  sampler = new Sampler({ memory, vmDeadlineMs: 400, fastVmDeadlineMs: 400 })
})
afterEach(async () => {
  session.close()
  await daemon.stop()
  await rm(procRoot, { recursive: true })
})

function answerOf(call: Packet): Answer {
  switch (call.procedure) {
    case procedure.getAllDomainStats:
      return listing === 'works' ? listAnswer() : listing
    case procedure.domainGetInfo:
      return answered(vmOf(call).info, () =>
        new XdrWriter().uint(1).unsignedHyper(1024n).unsignedHyper(512n).uint(2).unsignedHyper(3_000_000_000n).bytes(),
      )
    case procedure.domainGetState:
      return new XdrWriter().int(vmOf(call).state).int(0).bytes()
    case procedure.domainGetXml: {
      const { name, uuid, disk } = vmOf(call)
      const xml = `<domain><name>${name}</name><uuid>${uuid}</uuid><devices>${disk}</devices></domain>`
      return new XdrWriter().string(xml).bytes()
    }
    case procedure.domainIsPersistent:
    case procedure.domainGetAutostart:
      return new XdrWriter().bool(true).bytes()
    case procedure.domainBlockStatsFlags:
      return answered(vmOf(call).block, () =>
        new XdrWriter().uint(1).string('wr_bytes').int(4).unsignedHyper(4096n).bytes(),
      )
    default:
      return answerOpening(call)
  }
}

function answered(answer: Answer | 'works', work: () => Buffer): Answer {
  return answer === 'works' ? work() : answer
}

function vmOf(call: Packet): FakeVm {
  const name = new XdrReader(call.payload).string()
  const vm = vms.find((candidate) => candidate.name === name)
  if (vm === undefined) throw new Error(`no VM ${name}`)
  return vm
}

function listAnswer(): Buffer {
  return new XdrWriter()
    .array(vms, (writer, { name, uuid, id, state }) => {
      writer
        .string(name)
        .opaque(Buffer.from(uuid.replaceAll('-', ''), 'hex'))
        .int(id)
      writer.uint(2).string('state.state').int(1).int(state).string('state.reason').int(1).int(1)
    })
    .bytes()
}

function firstVm(): FakeVm {
  const [vm] = vms
  if (vm === undefined) throw new Error('no VM')
  return vm
}

function read(groups: readonly SampleGroup[], onlyMoved = false): Promise<Sample> {
  return sampler.sample(session, new Set(groups), { onlyMoved }, signal)
}

const told = ({ gaps }: Sample): unknown[] => gaps.map(({ vmUuid, group, reason }) => [vmUuid, group, reason])
const callsOf = (number: number): number => daemon.calls.filter((call) => call.procedure === number).length

describe('a pass', () => {
  it('reads what is asked for, and nothing else', async () => {
    const { vms: read1, gaps } = await read(['state', 'cpu', 'block'])
    expect(gaps).toEqual([])
    expect(read1).toEqual(
      uuids.map((uuid, index) => ({
        uuid,
        runId: `${index + 1}@1000`,
        atMs: 1000,
        state: 'running',
        stateReason: 'booted',
        cpuSeconds: 3,
        vcpus: 2,
        disks: [{ target: 'vda', writeBytes: 4096 }],
      })),
    )
    expect((await read(['mem-size'])).vms[0]).toEqual({
      uuid: uuids[0],
      runId: '1@1000',
      atMs: 1000,
      memoryMaxBytes: 2 ** 20,
      memoryBytes: 2 ** 19,
    })
    expect(callsOf(procedure.domainBlockStatsFlags)).toBe(2)
  })

  it('reads only the VMs that are named', async () => {
    const only = await sampler.sample(session, new Set(['cpu']), { vmUuids: new Set([uuids[1]]) }, signal)
    expect(only.vms.map(({ uuid }) => uuid)).toEqual([uuids[1]])
    expect(callsOf(procedure.domainGetInfo)).toBe(1)
  })

  it('asks nothing of a VM that is off', async () => {
    firstVm().state = 5
    const { vms: read1 } = await read(['state', 'cpu', 'block'])
    expect(read1[0]).toEqual({ uuid: uuids[0], runId: '', atMs: 1000, state: 'shutoff', stateReason: 'shutdown' })
  })

  it('reads a definition once', async () => {
    await read(['block'])
    await read(['block'])
    expect(callsOf(procedure.domainGetXml)).toBe(4)
  })

  it('waits for another of its kind', async () => {
    await Promise.all([read(['cpu']), read(['cpu'])])
    const order = daemon.calls.map((call) => call.procedure).slice(-6)
    const { getAllDomainStats: list, domainGetInfo: info } = procedure
    expect(order).toEqual([list, info, info, list, info, info])
  })
})

describe('a VM that does not answer', () => {
  it('is a gap with a reason and a time; the others are read; it comes back as soon as it answers', async () => {
    firstVm().block = 'silence'
    const first = await read(['state', 'cpu', 'block'])
    expect(told(first)).toEqual([[uuids[0], 'block', 'timeout']])
    expect(first.vms.map(({ disks, cpuSeconds }) => [disks !== undefined, cpuSeconds])).toEqual([
      [false, 3],
      [true, 3],
    ])
    clock = 61_000
    const second = await read(['block'])
    expect(second.gaps).toMatchObject([{ vmUuid: uuids[0], reason: 'quarantined', sinceMs: 1000 }])
    expect(callsOf(procedure.domainBlockStatsFlags)).toBe(3)

    firstVm().block = 'works'
    const stuck = daemon.calls.find(
      (call) => call.procedure === procedure.domainBlockStatsFlags && vmOf(call).name === 'a',
    )
    if (stuck === undefined) throw new Error('no call')
    daemon.answer(stuck, new XdrWriter().uint(0).bytes())
    await vi.waitFor(async () => expect((await read(['block'])).gaps).toEqual([]))
  })

  it('is asked again only after a rest when libvirt gave up on it', async () => {
    firstVm().block = { code: 68, message: 'cannot acquire state change lock' }
    expect(told(await read(['block']))).toEqual([[uuids[0], 'block', 'timeout']])
    firstVm().block = 'works'
    clock += 1999
    expect(told(await read(['block']))).toEqual([[uuids[0], 'block', 'quarantined']])
    clock += 1
    expect(told(await read(['block']))).toEqual([])
  })

  it('is a new one once it was started anew', async () => {
    firstVm().block = 'silence'
    await read(['block'])
    vms[0] = { ...firstVm(), id: 9, block: 'works' }
    expect(told(await read(['block']))).toEqual([])
  })

  it('is not waited for where libvirtd itself does not answer', async () => {
    firstVm().info = 'silence'
    expect(told(await read(['cpu', 'mem-size']))).toEqual([
      [uuids[0], 'cpu', 'timeout'],
      [uuids[0], 'mem-size', 'timeout'],
    ])
    expect(told(await read(['cpu']))).toEqual([[uuids[0], 'cpu', 'quarantined']])
    expect(callsOf(procedure.domainGetInfo)).toBe(3)
  })
})

describe('what fails', () => {
  it.each<[string, Answer, number, unknown[]]>([
    ['an error of a VM that runs', { code: 1, message: 'internal error' }, 1, [[uuids[0], 'block', 'failed']]],
    ['an error of a VM that just stopped', { code: 55, message: 'not running' }, 5, []],
    ['a refusal', { code: 88, message: 'access denied' }, 1, [[uuids[0], 'block', 'denied']]],
  ])('%s', async (_, block, stateAfter, gaps) => {
    const vm = firstVm()
    Object.defineProperty(vm, 'block', {
      get: () => {
        vm.state = stateAfter
        return block
      },
    })
    const sample = await read(['block'])
    expect(told(sample)).toEqual(gaps)
    expect(sample.vms).toHaveLength(stateAfter === 5 ? 1 : 2)
  })

  it('is a gap of the whole host when it is the list', async () => {
    listing = { code: 1, message: 'out of memory' }
    expect(told(await read(['state', 'cpu']))).toEqual([
      [undefined, 'state', 'failed'],
      [undefined, 'cpu', 'failed'],
    ])
    listing = 'works'
    expect(told(await read(['state', 'cpu']))).toEqual([])
  })

  it('is an exception only when the connection is down', async () => {
    session.close()
    await expect(read(['state'])).rejects.toThrow(HypervisorUnavailable)
  })

  it('ends when the signal aborts', async () => {
    firstVm().block = 'silence'
    const abort = new AbortController()
    const pass = sampler.sample(session, new Set(['block']), {}, abort.signal)
    await vi.waitFor(() => expect(callsOf(procedure.domainBlockStatsFlags)).toBeGreaterThan(0))
    abort.abort()
    await expect(pass).rejects.toMatchObject({ why: 'aborted' })
  })
})

describe('the fast lane', () => {
  const writeIo = (bytes: number): Promise<void> =>
    writeFile(
      path.join(procRoot, '12/io'),
      `rchar: ${bytes}\nwchar: 0\nsyscr: 1\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n`,
    )
  const seen = async (): Promise<string[]> => (await read(['block'], true)).vms.map(({ uuid }) => uuid)

  beforeEach(async () => {
    await mkdir(path.join(procRoot, '12'))
    await writeFile(path.join(procRoot, '12/cmdline'), `/usr/bin/qemu-system-x86_64\0-uuid\0${uuids[0]}\0`)
    const fields = ['12', '(qemu)', 'S', ...Array.from({ length: 18 }, () => '0'), '500', '0']
    await writeFile(path.join(procRoot, '12/stat'), fields.join(' '))
    await writeIo(100)
    vms.length = 1
  })

  it('reads a VM when its process moved, and once more after', async () => {
    expect(await seen()).toEqual([uuids[0]])
    expect(await seen()).toEqual([uuids[0]])
    expect(await seen()).toEqual([])
    await writeIo(5000)
    expect(await seen()).toEqual([uuids[0]])
    expect(await seen()).toEqual([uuids[0]])
    expect(await seen()).toEqual([])
  })

  it('always reads a VM with a disk on the network, and one whose process cannot be seen', async () => {
    vms = [
      { ...firstVm(), disk: networkDisk },
      { ...firstVm(), name: 'b', uuid: uuids[1], id: 2 },
    ]
    for (let pass = 0; pass < 4; pass += 1) expect(await seen()).toEqual([...uuids])
  })

  it('leaves no VM out that another pass is asking: only what is proven unmoved may be missing', async () => {
    await read(['state'])
    firstVm().block = 'silence'
    const other = sampler.sample(session, new Set(['block']), {}, signal)
    await vi.waitFor(() => expect(callsOf(procedure.domainBlockStatsFlags)).toBe(1))
    expect(await read(['block'], true)).toEqual({ vms: [{ uuid: uuids[0], runId: '1-500', atMs: 1000 }], gaps: [] })
    await other
  })

  it('leaves no VM out whose process ended while it was read', async () => {
    await read(['state'])
    firstVm().block = 'silence'
    const pass = read(['block'], true)
    await vi.waitFor(() => expect(callsOf(procedure.domainBlockStatsFlags)).toBe(1))
    await rm(path.join(procRoot, '12'), { recursive: true })
    expect(await pass).toEqual({ vms: [{ uuid: uuids[0], runId: '1-500', atMs: 1000 }], gaps: [] })
  })

  describe('of a VM that leaves', () => {
    const readLast = (): Promise<Sample> =>
      sampler.sample(session, new Set(['block']), { onlyMoved: true, isLast: true }, signal)
    const blockCalls = (): Packet[] => daemon.calls.filter((call) => call.procedure === procedure.domainBlockStatsFlags)
    const written = (bytes: bigint): Buffer =>
      new XdrWriter().uint(1).string('wr_bytes').int(4).unsignedHyper(bytes).bytes()
    const answerNewest = (bytes: bigint): void => {
      const call = blockCalls().at(-1)
      if (call !== undefined) daemon.answer(call, written(bytes))
    }

    it('waits for a reading that is under way, and reads again', async () => {
      await read(['state'])
      firstVm().block = 'silence'
      const under = read(['block'], true)
      await vi.waitFor(() => expect(blockCalls()).toHaveLength(1))
      const last = readLast()
      answerNewest(5000n)
      await under
      await vi.waitFor(() => expect(blockCalls()).toHaveLength(2))
      answerNewest(6000n)
      expect((await last).vms).toMatchObject([{ disks: [{ target: 'vda', writeBytes: 6000 }] }])
    })

    it('counts though its process ends with the answer', async () => {
      await read(['state'])
      firstVm().block = 'silence'
      const last = readLast()
      await vi.waitFor(() => expect(blockCalls()).toHaveLength(1))
      await rm(path.join(procRoot, '12'), { recursive: true })
      answerNewest(6000n)
      expect(await last).toMatchObject({ vms: [{ runId: '1-500', disks: [{ writeBytes: 6000 }] }], gaps: [] })
    })

    it('is nothing if the process ended before it answered', async () => {
      await read(['state'])
      firstVm().block = 'silence'
      const last = readLast()
      await vi.waitFor(() => expect(blockCalls()).toHaveLength(1))
      await rm(path.join(procRoot, '12'), { recursive: true })
      const call = blockCalls().at(-1)
      if (call !== undefined) daemon.answer(call, { code: 55, message: 'domain is not running' })
      expect(await last).toEqual({ vms: [{ uuid: uuids[0], runId: '1-500', atMs: 1000 }], gaps: [] })
    })
  })

  it('costs a stopped process no call', async () => {
    await writeFile(
      path.join(procRoot, '12/stat'),
      ['12', '(qemu)', 'T', ...Array.from({ length: 18 }, () => '0'), '500', '0'].join(' '),
    )
    const sample = await read(['block'])
    expect(sample.gaps).toMatchObject([{ reason: 'quarantined', message: /stopped/ }])
    expect(callsOf(procedure.domainBlockStatsFlags)).toBe(0)
  })
})
