import type { DiskRaw, Sample } from '../../agent/hypervisor/hypervisor.js'
import type { DoubleVm } from './vsphere-double-world.js'
import { counterValue, doubleIntervalMs } from './vsphere-double-world.js'

interface Entry {
  readonly runId: string
  readonly cpuSeconds: number | undefined
  readonly disks: ReadonlyMap<string, DiskRaw>
}

/** All totals that a driver told, to be compared with what the vSphere double counted. */
export class Ledger {
  readonly #byVm = new Map<string, Map<number, Entry>>()
  readonly problems: string[] = []
  /** Runs of the hosts' totals. */
  readonly hostRuns = new Set<string>()
  /** Names of the VMs that the last sample named, in figures or in gaps. */
  named = new Set<string>()

  /** @returns the moments of the samples, oldest first */
  add(sample: Sample): readonly number[] {
    const all = [...(sample.earlier ?? []), sample]
    for (const one of all) {
      if (one.host?.runId !== undefined) this.hostRuns.add(one.host.runId)
      this.named = new Set([...one.vms.map((vm) => vm.uuid), ...one.gaps.flatMap((gap) => gap.vmUuid ?? [])])
      for (const { uuid, atMs, runId, cpuSeconds, disks } of one.vms) {
        if (disks === undefined || disks.length === 0) continue
        const entries = this.#byVm.get(uuid) ?? new Map<number, Entry>()
        this.#byVm.set(uuid, entries)
        const entry = { runId, cpuSeconds, disks: new Map(disks.map((disk) => [disk.target, disk])) }
        const known = entries.get(atMs)
        if (known !== undefined && JSON.stringify(told(known)) !== JSON.stringify(told(entry))) {
          this.problems.push(`${uuid} was told twice at ${atMs}, with different totals`)
        }
        entries.set(atMs, entry)
      }
    }
    return all.flatMap((one) => one.atMs ?? [])
  }

  /**
   * Compares every interval of (fromMs, toMs] with the truth. @returns how many were right; the others are in `problems`
   */
  check(vms: readonly DoubleVm[], fromMs: number, toMs: number): number {
    let right = 0
    for (const vm of vms) {
      const entries = this.#byVm.get(vm.instanceUuid)
      for (let endMs = fromMs + doubleIntervalMs; endMs <= toMs; endMs += doubleIntervalMs) {
        const before = entries?.get(endMs - doubleIntervalMs)
        const after = entries?.get(endMs)
        if (before === undefined || after === undefined) this.problems.push(`${vm.name}: no sample of ${endMs}`)
        else if (before.runId !== after.runId) this.problems.push(`${vm.name}: another run at ${endMs}`)
        else if (isRight(vm, before, after, endMs)) right += 1
        else this.problems.push(`${vm.name}: wrong growth in the interval that ended at ${endMs}`)
      }
    }
    return right
  }

  /** Every growth within a run that was told, with the interval that it is of. */
  growths(uuid: string): readonly { readonly fromMs: number; readonly toMs: number; readonly readBytes: number }[] {
    const entries = [...(this.#byVm.get(uuid) ?? [])].toSorted(([a], [b]) => a - b)
    return entries.flatMap(([toMs, after], index) => {
      const [fromMs, before] = entries[index - 1] ?? [0, undefined]
      if (before?.runId !== after.runId) return []
      const bytes = ({ disks }: Entry): number => disks.get('scsi0:0')?.readBytes ?? 0
      return [{ fromMs, toMs, readBytes: bytes(after) - bytes(before) }]
    })
  }
}

function told({ runId, disks }: Entry): unknown {
  return [
    runId,
    [...disks.values()].map(({ target, readBytes, writeBytes, readRequests }) => [
      target,
      readBytes,
      writeBytes,
      readRequests,
    ]),
  ]
}

function isRight(vm: DoubleVm, before: Entry, after: Entry, endMs: number): boolean {
  const value = (counter: string, instance: string): number => counterValue(vm.id, counter, instance, endMs)
  const cpu = (after.cpuSeconds ?? Number.NaN) - (before.cpuSeconds ?? Number.NaN)
  if (Math.abs(cpu - value('cpu.used.summation', '') / 1000) > 1e-4) return false
  return vm.disks.every((target) => {
    const a = before.disks.get(target)
    const b = after.disks.get(target)
    const grown = (name: Exclude<keyof DiskRaw, 'target'>): number =>
      (b?.[name] ?? Number.NaN) - (a?.[name] ?? Number.NaN)
    const reads = 20 * value('virtualDisk.numberReadAveraged.average', target)
    const readSeconds = (reads * value('virtualDisk.totalReadLatency.average', target)) / 1000
    return (
      grown('readBytes') === 20 * 1024 * value('virtualDisk.read.average', target) &&
      grown('writeBytes') === 20 * 1024 * value('virtualDisk.write.average', target) &&
      grown('readRequests') === reads &&
      grown('writeRequests') === 20 * value('virtualDisk.numberWriteAveraged.average', target) &&
      Math.abs(grown('readSeconds') - readSeconds) < 1e-6
    )
  })
}
