import type { FleetSpec } from '../../common/fleet-file/fleet-spec.js'
import { GiB } from '../../common/units.js'
import { traceColumns } from '../../controller/planner/simulate/trace.js'
import { seededChance } from './seeded-chance.js'

/** A fleet of equal hosts on one array, whose VMs run by office hours, at night, always, or by spells; some hosts have far more of them. */
export function mixedFleet(seed: number, hosts: number, vms: number): FleetSpec {
  const next = seededChance(seed, 'mixed fleet')
  const names = Array.from({ length: hosts }, (_, at) => `host${at + 1}`)
  return {
    name: 'mixed',
    seed,
    utcOffsetHours: 0,
    hosts: names.map((name) => ({
      name,
      kind: 'kvm',
      cores: 16,
      threads: 16,
      mhz: 2400,
      memoryBytes: 128 * GiB,
      version: '9.0',
      os: 'Debian 12',
      role: 'general',
      machine: undefined,
      cpuModel: undefined,
      localDisksBytes: [],
      sataSlots: undefined,
    })),
    arrays: [
      {
        name: 'box',
        kind: 'iscsi',
        raid: 5,
        sizeBytes: 1e13,
        hosts: names,
        cacheMode: 'write-back',
        writeCacheBytes: 5e8,
        drainBytesPerSecond: 2e8,
        writeThroughBytesPerSecond: 5e7,
        freezes: false,
      },
    ],
    vms: Array.from({ length: vms }, (_, at) => ({
      name: `vm${at + 1}`,
      host: names[Math.floor(next() ** 1.5 * hosts)] ?? '',
      group: 'other',
      owner: undefined,
      vcpus: 4,
      memoryBytes: (1 + Math.floor(next() * 4)) * GiB,
      storage: 'box',
      diskBytes: 4e10,
      profile: 'idle',
      running: true,
      autostart: true,
    })),
    labels: [],
    timeline: [],
    services: [],
    apart: [],
    classes: {},
    exceptions: [],
    policy: { vmMemoryBytes: GiB, hostReserveBytes: 2 * GiB },
  }
}

/** Its load as a table, a line for each VM and quarter of an hour. */
export function mixedTrace(seed: number, { vms }: FleetSpec, days: number): string {
  const next = seededChance(seed, 'mixed load')
  const kinds = vms.map(() => ({
    kind: Math.floor(next() * 4),
    base: 0.05 + 0.3 * next(),
    busy: 0.3 + 1.7 * next(),
    spell: 0,
  }))
  const lines = [traceColumns.join(',')]
  for (let step = 0; step < days * 96; step += 1) {
    const hour = (step / 4) % 24
    const isWeekend = Math.floor(step / 96) % 7 >= 5
    for (const [at, one] of kinds.entries()) {
      if (one.kind === 3) one.spell = one.spell > 0 ? one.spell - 1 : next() < 0.01 ? 4 + Math.floor(next() * 12) : 0
      const isBusy =
        one.kind === 0
          ? !isWeekend && hour >= 8 && hour < 18
          : one.kind === 1
            ? hour < 5
            : one.kind === 2 || one.spell > 0
      const cores = (one.base + (isBusy ? one.busy : 0)) * (0.8 + 0.4 * next())
      const memory = (vms[at]?.memoryBytes ?? 0) / 2
      lines.push(`${step * 900},${vms[at]?.name ?? ''},${cores.toFixed(3)},${memory},0,${Math.round(cores * 1e5)}`)
    }
  }
  return `${lines.join('\n')}\n`
}
