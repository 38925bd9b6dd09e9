import type { Point } from '../../controller/store/time-series.js'
import { counterValue, doubleIntervalMs, type DoubleHost, type DoubleWorld } from './vsphere-double-world.js'

/** What arrived in the store of a vSphere double's VMs and hosts, to be compared with what the double counted. */
export class StoredWitness {
  /** By entity, field and time: all values that were stored. */
  readonly #values = new Map<string, Set<number>>()

  keep(point: Point): void {
    const { entity, atMs, fields } = point
    for (const [field, value] of Object.entries(fields)) {
      // The controller's own sum, of the VMs that it knows at that moment.
      if (field === 'memoryConfiguredBytes') continue
      const key = `${entity.kind} ${entity.id} ${field} ${atMs}`
      this.#values.set(key, (this.#values.get(key) ?? new Set()).add(value))
    }
  }

  /** Fields that were stored twice for one moment, with different values. */
  get doubled(): readonly string[] {
    return [...this.#values].flatMap(([key, values]) => (values.size > 1 ? key : []))
  }

  /** All values of a field. */
  all(field: string): readonly number[] {
    return [...this.#values].flatMap(([key, values]) => (key.includes(` ${field} `) ? [...values] : []))
  }

  valueAt(kind: string, id: string, field: string, atMs: number): number | undefined {
    const values = this.#values.get(`${kind} ${id} ${field} ${atMs}`)
    return values?.size === 1 ? [...values][0] : undefined
  }

  /** Compares every interval of (fromMs, toMs]. `right` counts figures. */
  compare(
    world: DoubleWorld,
    { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  ): { readonly right: number; readonly problems: readonly string[] } {
    const problems: string[] = []
    let right = 0
    for (let end = fromMs + doubleIntervalMs; end <= toMs; end += doubleIntervalMs) {
      const expect = (what: string, got: number | undefined, expected: number): void => {
        if (got !== undefined && Math.abs(got - expected) <= 1e-3 * Math.max(1, expected)) right += 1
        else problems.push(`${what} ${end}: ${got}, not ${expected}`)
      }
      for (const vm of world.vms) if (vm.power === 'poweredOn') this.#compareVm(vm, end, expect)
      for (const host of world.hosts) this.#compareHost(world, host, end, expect)
    }
    return { right, problems }
  }

  #compareVm(
    vm: DoubleWorld['vms'][number],
    end: number,
    expect: (what: string, got: number | undefined, expected: number) => void,
  ): void {
    const count = (counter: string, instance = ''): number => counterValue(vm.id, counter, instance, end)
    const of = (kind: string, id: string, field: string): number | undefined => this.valueAt(kind, id, field, end)
    expect(`cpu ${vm.id}`, of('vm', vm.instanceUuid, 'cpuCores'), count('cpu.used.summation') / 20_000)
    for (const [field, counter] of [
      ['memoryRssBytes', 'mem.consumed.average'],
      ['memoryActiveBytes', 'mem.active.average'],
      ['memoryBalloonedBytes', 'mem.vmmemctl.average'],
      ['memorySwappedBytes', 'mem.swapped.average'],
    ] as const) {
      expect(`${field} ${vm.id}`, of('vm', vm.instanceUuid, field), count(counter) * 1024)
    }
    for (const target of vm.disks) {
      const disk = `${vm.instanceUuid}/${target}`
      for (const way of ['Read', 'Write'] as const) {
        const name = way.toLowerCase()
        const requests = count(`virtualDisk.number${way}Averaged.average`, target)
        const bytes = count(`virtualDisk.${name}.average`, target) * 1024
        expect(`${name} ${vm.id}`, of('disk', disk, `${name}BytesPerSecond`), bytes)
        expect(`${name}s ${vm.id}`, of('disk', disk, `${name}RequestsPerSecond`), requests)
        if (requests === 0) continue
        const latency = count(`virtualDisk.total${way}Latency.average`, target)
        expect(`${name} latency ${vm.id}`, of('disk', disk, `${name}LatencyMs`), latency)
      }
    }
    const received = count('net.received.average', '4000') * 1024
    expect(`nic ${vm.id}`, of('nic', `${vm.instanceUuid}/4000`, 'receiveBytesPerSecond'), received)
  }

  #compareHost(
    { datastores }: DoubleWorld,
    host: DoubleHost,
    end: number,
    expect: (what: string, got: number | undefined, expected: number) => void,
  ): void {
    const count = (counter: string, instance = ''): number => counterValue(host.id, counter, instance, end)
    const of = (kind: string, id: string, field: string): number | undefined => this.valueAt(kind, id, field, end)
    expect(`host ${host.id}`, of('host', host.uuid, 'cpuUsedCores'), (16 * count('cpu.usage.average')) / 10_000)
    const sent = ['vmnic0', 'vmnic1'].reduce((sum, nic) => sum + count('net.transmitted.average', nic) * 1024, 0)
    expect(`host network ${host.id}`, of('host', host.uuid, 'transmitBytesPerSecond'), sent)
    for (const [index, key] of ['iscsi:iqn.2010-01.example:box', 'nfs:filer:/vol/vms'].entries()) {
      const instance = datastores[index]?.instance ?? ''
      const written = count('datastore.write.average', instance) * 1024
      expect(`array ${key}`, of('array', `${key}/${host.uuid}`, 'writeBytesPerSecond'), written)
      const writes = count('datastore.numberWriteAveraged.average', instance)
      if (writes === 0) continue
      const latency = count('datastore.totalWriteLatency.average', instance)
      expect(`array latency ${key}`, of('array', `${key}/${host.uuid}`, 'writeLatencyMs'), latency)
    }
  }
}
