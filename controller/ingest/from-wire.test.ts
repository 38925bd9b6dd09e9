import { describe, expect, it } from 'vitest'

import { Hello } from '../../proto/gen/headroom/v1/agent.js'
import { DiskBackend, HypervisorKind, Inventory, Support } from '../../proto/gen/headroom/v1/inventory.js'
import { FieldCheck } from './field-check.js'
import { clockFromWire, hostsFromWire, inventoryFromWire, wireLimits } from './from-wire.js'

const uuid = 'c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f10'
const other = 'c7f0c9a4-57d9-4a0e-8f5b-1f3a1f0d8f11'
const kvm = HypervisorKind.HYPERVISOR_KIND_KVM

function hosts(hello: object): { ids: string[]; refused: Record<string, number> } {
  const check = new FieldCheck()
  const ids = hostsFromWire(Hello.fromJSON(hello), check).map((host) => host.hostId)
  return { ids, refused: Object.fromEntries(check.refused) }
}

describe('hostsFromWire', () => {
  it('takes a host with its capabilities', () => {
    const check = new FieldCheck()
    const hello = Hello.fromJSON({
      hosts: [
        {
          hostId: 'h1',
          name: 'xenhv01',
          kind: HypervisorKind.HYPERVISOR_KIND_XEN,
          bootId: 'b1',
          simulated: true,
          capabilities: [
            { name: 'cpu', support: Support.SUPPORT_YES, reason: '' },
            { name: 'disk-latency', support: Support.SUPPORT_NO, reason: 'not told' },
          ],
        },
      ],
    })
    expect(hostsFromWire(hello, check)).toEqual([
      {
        hostId: 'h1',
        name: 'xenhv01',
        kind: 'xen',
        bootId: 'b1',
        simulated: true,
        capabilities: [
          { name: 'cpu', support: 'yes', reason: '' },
          { name: 'disk-latency', support: 'no', reason: 'not told' },
        ],
      },
    ])
    expect(check.refused.size).toBe(0)
  })

  it('takes a storage server', () => {
    const check = new FieldCheck()
    const host = { hostId: 'h1', name: 'array1', kind: HypervisorKind.HYPERVISOR_KIND_STORAGE, bootId: 'b1' }
    expect(hostsFromWire(Hello.fromJSON({ hosts: [host] }), check)).toMatchObject([{ hostId: 'h1', kind: 'storage' }])
    expect(check.refused.size).toBe(0)
  })

  it.each([
    ['no id', { hostId: '', kind: kvm }, 'hello.host_id'],
    ['an id that is a path', { hostId: 'other/../h1', kind: kvm }, 'hello.host_id'],
    ['no kind', { hostId: 'h2' }, 'hello.kind'],
    ['a kind of the future', { hostId: 'h2', kind: HypervisorKind.UNRECOGNIZED }, 'hello.kind'],
    ['the same id again', { hostId: 'h1', kind: kvm }, 'hello.host_id'],
  ])('leaves out a host with %s; the other stands', (_name, bad, field) => {
    expect(hosts({ hosts: [{ hostId: 'h1', kind: kvm }, bad] })).toEqual({ ids: ['h1'], refused: { [field]: 1 } })
  })

  it('takes no more hosts than an agent may have', () => {
    const many = Array.from({ length: wireLimits.maxHostsPerAgent + 5 }, (_, n) => ({ hostId: `h${n}`, kind: kvm }))
    const { ids, refused } = hosts({ hosts: many })
    expect(ids).toHaveLength(wireLimits.maxHostsPerAgent)
    expect(refused).toEqual({ 'hello.hosts': 1 })
  })

  it('tolerates an enum value that it does not know, as bytes', () => {
    const bytes = Buffer.from(Hello.encode(Hello.fromJSON({ hosts: [{ hostId: 'h1', kind: kvm }] })).finish())
    // Field 3 of the host, a varint: 1 becomes 99.
    const at = bytes.lastIndexOf(Buffer.of(0x18, 1))
    bytes.writeUInt8(99, at + 1)
    const check = new FieldCheck()
    expect(hostsFromWire(Hello.decode(bytes), check)).toEqual([])
    expect([...check.refused]).toEqual([['hello.kind', 1]])
  })

  it('leaves out capabilities that it does not understand', () => {
    const check = new FieldCheck()
    const capabilities = [
      { name: 'cpu', support: Support.SUPPORT_YES },
      { name: 'nic', support: Support.UNRECOGNIZED },
      { name: '', support: Support.SUPPORT_YES },
      { name: 'cpu', support: Support.SUPPORT_NO },
    ]
    const [host] = hostsFromWire(Hello.fromJSON({ hosts: [{ hostId: 'h1', kind: kvm, capabilities }] }), check)
    expect(host?.capabilities).toEqual([{ name: 'cpu', support: 'yes', reason: '' }])
    expect(Object.fromEntries(check.refused)).toEqual({ 'capability.support': 1, 'capability.name': 2 })
  })
})

function inventory(draft: object): {
  result: ReturnType<typeof inventoryFromWire>
  refused: Record<string, number>
} {
  const check = new FieldCheck()
  const result = inventoryFromWire(Inventory.fromJSON({ hostId: 'h1', host: { name: 'one' }, ...draft }), check, 5)
  return { result, refused: Object.fromEntries(check.refused) }
}

describe('inventoryFromWire', () => {
  it.each([
    ['no host id', { hostId: '' }, { 'inventory.host_id': 1 }],
    ['no host', { host: undefined }, { 'inventory.host': 1 }],
  ])('refuses one with %s', (_name, draft, refused) => {
    expect(inventory(draft)).toEqual({ result: undefined, refused })
  })

  it('leaves absent what is 0 or impossible, never 0 for unknown', () => {
    const { result, refused } = inventory({
      host: { name: 'one', cpuCores: 0, memoryBytes: 2n ** 64n - 1n },
      vms: [
        {
          uuid,
          name: 'mail',
          vcpus: 0,
          memoryMaxBytes: 2n ** 63n,
          disks: [{ target: 'vda', capacityBytes: 2n ** 60n }],
        },
      ],
      arrays: [{ key: 'iscsi:a', sizeBytes: 2n ** 62n }],
    })
    expect(result?.host).toMatchObject({ cpuCores: undefined, memoryBytes: undefined })
    expect(result?.vms[0]).toMatchObject({
      name: 'mail',
      vcpus: undefined,
      memoryMaxBytes: undefined,
      disks: [{ capacityBytes: undefined }],
    })
    expect(result?.arrays).toEqual([{ key: 'iscsi:a', name: 'iscsi:a', kind: '', sizeBytes: undefined }])
    expect(refused).toEqual({
      'host.memory_bytes': 1,
      'vm.memory_max_bytes': 1,
      'disk.capacity_bytes': 1,
      'array.size_bytes': 1,
    })
  })

  it.each<[string, object, string]>([
    ['no capacity', { capacityBytes: 0 }, 'calibration.capacity_bytes'],
    ['a drain that is no number', { drainBytesPerSecond: Number.NaN }, 'calibration.drain_bytes_per_second'],
    ['a spread that says nothing', { drainSpread: 9 }, 'calibration.drain_spread'],
    ['a time before all times', { atMs: -1 }, 'calibration.at_ms'],
  ])('leaves out a calibration with %s, and nothing else', (_what, change, field) => {
    const whole = { atMs: 7, capacityBytes: 2e8, capacitySpread: 0.1, drainBytesPerSecond: 8e6, drainSpread: 0.05 }
    const told = (calibration: object) => inventory({ arrays: [{ key: 'iscsi:a', calibration }] })
    const { atMs: at, ...figures } = whole
    expect(told(whole).result?.arrays).toMatchObject([{ calibration: { at, ...figures } }])
    const { result, refused } = told({ ...whole, ...change })
    expect(result?.arrays).toMatchObject([{ key: 'iscsi:a', calibration: undefined }])
    expect(refused).toEqual({ [field]: 1 })
  })

  it.each([
    ['a bad UUID', { uuid: 'mail', name: 'x' }, { 'vm.uuid': 1 }],
    ['no name', { uuid: other, name: '' }, { 'vm.name': 1 }],
    ['the same UUID again, in capitals', { uuid: uuid.toUpperCase(), name: 'x' }, { 'vm.uuid': 1 }],
  ])('leaves out a VM with %s; the other stands', (_name, bad, refused) => {
    const found = inventory({ vms: [{ uuid, name: 'mail' }, bad] })
    expect(found.result?.vms.map((vm) => vm.name)).toEqual(['mail'])
    expect(found.refused).toEqual(refused)
  })

  it('cleans names and keeps hostile keys as plain keys', () => {
    const { result, refused } = inventory({
      vms: [
        {
          uuid,
          name: 'a\u001B]0;x\u0007\nb',
          metadata: { owner: 'o\0' },
          disks: [{ target: '__proto__' }, { target: 'vda' }, { target: 'vda' }, { target: '' }],
          nics: [{ device: 'constructor' }, { device: '', mac: '52:54:00:00:00:01' }, { device: 'constructor' }],
        },
      ],
      arrays: [{ key: '__proto__', name: 'x' }, { key: '__proto__' }, { key: '' }],
    })
    const [vm] = result?.vms ?? []
    expect(vm).toMatchObject({ name: 'a ]0;x  b', owner: 'o ' })
    expect(vm?.disks.map((disk) => disk.target)).toEqual(['__proto__', 'vda'])
    // A NIC of a VM that is off has no device yet: nobody is to blame.
    expect(vm?.nics.map((nic) => nic.device)).toEqual(['constructor'])
    expect(result?.arrays.map((array) => array.key)).toEqual(['__proto__'])
    expect(refused).toEqual({
      'vm.name': 1,
      'metadata.owner': 1,
      'disk.target': 2,
      'nic.device': 1,
      'array.key': 2,
    })
    expect(Object.prototype).not.toHaveProperty('target')
  })

  it.each([
    [DiskBackend.DISK_BACKEND_ISCSI, 'iscsi', {}],
    [DiskBackend.DISK_BACKEND_UNSPECIFIED, 'other', {}],
    [DiskBackend.UNRECOGNIZED, 'other', { 'disk.backend': 1 }],
  ])('backend %s', (backend, word, refused) => {
    const found = inventory({ vms: [{ uuid, name: 'mail', disks: [{ target: 'vda', backend }] }] })
    expect(found.result?.vms[0]?.disks[0]?.backend).toBe(word)
    expect(found.refused).toEqual(refused)
  })

  it('cuts lists and texts to their bounds', () => {
    const uuidOf = (n: number): string => `${n.toString(16).padStart(8, '0')}${uuid.slice(8)}`
    const { result, refused } = inventory({
      vms: Array.from({ length: 10_000 }, (_, n) => ({ uuid: uuidOf(n), name: 'x'.repeat(300) })),
      arrays: Array.from({ length: 2000 }, (_, n) => ({ key: `local:${n}` })),
    })
    expect(result?.vms).toHaveLength(wireLimits.maxVmsPerReport)
    expect(result?.vms[0]?.name).toHaveLength(256)
    expect(result?.arrays).toHaveLength(wireLimits.maxArraysPerHost)
    expect(refused).toEqual({ 'inventory.vms': 1, 'inventory.arrays': 1, 'vm.name': wireLimits.maxVmsPerReport })
  })

  it('takes 300 disks of one VM as 256', () => {
    const disks = Array.from({ length: 300 }, (_, n) => ({ target: `vd${n}` }))
    const { result, refused } = inventory({ vms: [{ uuid, name: 'mail', disks }] })
    expect(result?.vms[0]?.disks).toHaveLength(256)
    expect(refused).toEqual({ 'vm.disks': 1 })
  })
})

describe('clockFromWire', () => {
  it.each([
    [{ machineBoot: 7, clockBaseMs: -5n }, { boot: 7, baseMs: -5 }, []],
    [{ machineBoot: 7, clockBaseMs: 2n ** 63n - 1n }, { boot: 0, baseMs: 0 }, ['clock_base_ms']],
  ])('%o', (wire, reading, refused) => {
    const check = new FieldCheck()
    expect(clockFromWire(wire, check)).toEqual(reading)
    expect([...check.refused.keys()]).toEqual(refused)
  })
})
