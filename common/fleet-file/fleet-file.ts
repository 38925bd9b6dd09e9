import { z } from 'zod'

import { duration, loadConfig, parseConfig, rate } from '../config.js'
import { eventLabel } from '../event-labels.js'
import { MiB } from '../units.js'
import { hypervisorKinds } from './hypervisor-kinds.js'
import { reportContradictions } from './fleet-file-checks.js'
import { profileNames, vmEventNames, type FleetSpec, type TimelineEvent } from './fleet-spec.js'

const GB = 1e9
const MB = 1e6

/**
 * Parses a fleet file.
 * @throws ConfigError naming key, line, expectation and value of every problem
 */
export function parseFleet(text: string, file: string): FleetSpec {
  return toSpec(parseConfig(text, fleetFile, file))
}

/** Reads and parses a fleet file. @throws ConfigError */
export function loadFleet(file: string): FleetSpec {
  return toSpec(loadConfig(file, fleetFile))
}

const nameRule = 'a name of at most 63 letters, digits, dots, underscores and hyphens'
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, nameRule)
const text = z.string().max(300)
const count = (least: number, most: number) => z.int().min(least).max(most)
const positive = z.number().positive().max(1e9)

const host = z.strictObject({
  name,
  cores: count(1, 4096),
  threads: count(1, 8192).optional(),
  mhz: count(100, 20_000),
  memoryMiB: count(256, 2 ** 26),
  hypervisor: z.enum(hypervisorKinds),
  version: text,
  os: text,
  role: name.default('general'),
  machine: text.optional(),
  cpuModel: text.optional(),
  localDisksGB: z.array(positive).max(256).default([]),
  sataSlots: count(0, 256).optional(),
})

const array = z.strictObject({
  name,
  kind: z.literal('iscsi'),
  raid: count(0, 60).optional(),
  sizeGB: positive,
  hosts: z.array(name).min(1).max(10_000),
  cacheMode: z.enum(['write-back', 'write-through']).default('write-back'),
  writeCacheMiB: count(1, 2 ** 20).default(512),
  drainMBs: positive.default(25),
  writeThroughMBs: positive.default(7),
  freezes: z.boolean().default(false),
})

const vm = z.strictObject({
  name,
  host: name,
  group: name.default('other'),
  owner: text.optional(),
  vcpus: count(1, 1024).default(1),
  memoryMiB: count(1, 2 ** 26),
  storage: name.default('local'),
  diskGB: positive.default(40),
  profile: z.enum(profileNames).default('idle'),
  running: z.boolean().default(true),
  autostart: z.boolean().default(true),
})

const eventNames = [
  ...vmEventNames,
  'migrate',
  'profile',
  'host-lost',
  'host-back',
  'fill',
  'clean',
  'host-job',
  'host-job-end',
  'freeze',
]
const timelineEvent = z.discriminatedUnion(
  'event',
  [
    z.strictObject({ at: duration, event: z.enum(vmEventNames), vm: name }),
    z.strictObject({ at: duration, event: z.literal('migrate'), vm: name, to: name }),
    z.strictObject({ at: duration, event: z.literal('profile'), vm: name, profile: z.enum(profileNames) }),
    z.strictObject({ at: duration, event: z.enum(['host-lost', 'host-back', 'clean']), host: name }),
    z.strictObject({ at: duration, event: z.literal('fill'), host: name, rate }),
    z.strictObject({
      at: duration,
      event: z.literal('host-job'),
      host: name,
      array: name,
      profile: z.enum(profileNames),
    }),
    z.strictObject({ at: duration, event: z.literal('host-job-end'), host: name, array: name }),
    z.strictObject({ at: duration, event: z.literal('freeze'), array: name, for: duration }),
  ],
  { error: `one of ${eventNames.join(', ')}` },
)

const fields = z.strictObject({
  name,
  seed: count(0, 2 ** 32 - 1).default(1),
  utcOffsetHours: z.number().min(-12).max(14).default(0),
  hosts: z.array(host).min(1).max(10_000),
  arrays: z.array(array).max(10_000).default([]),
  vms: z.array(vm).max(200_000).default([]),
  timeline: z.array(timelineEvent).max(100_000).default([]),
  labels: z.array(eventLabel(duration)).max(10_000).default([]),
  services: z
    .array(z.strictObject({ name, members: z.array(name).min(1) }))
    .max(10_000)
    .default([]),
  apart: z.array(z.array(name).min(2)).max(10_000).default([]),
  classes: z.record(name, name).default({}),
  exceptions: z
    .array(z.strictObject({ vm: name.optional(), host: name.optional(), rule: name, reason: text }))
    .max(10_000)
    .default([]),
  policy: z
    .strictObject({ vmMemoryMiB: count(1, 2 ** 26).default(1024), hostReserveMiB: count(0, 2 ** 26).default(2048) })
    .prefault({}),
})

/** What the file says, before units and defaults are worked in. */
export type FleetFile = z.output<typeof fields>

const fleetFile = fields.superRefine((file, context) => {
  reportContradictions(file, (path, expected) =>
    context.addIssue({ code: 'custom', path: [...path], message: expected }),
  )
})

function toSpec(file: FleetFile): FleetSpec {
  return {
    name: file.name,
    seed: file.seed,
    utcOffsetHours: file.utcOffsetHours,
    hosts: file.hosts.map((host) => ({
      name: host.name,
      kind: host.hypervisor,
      cores: host.cores,
      threads: host.threads ?? host.cores,
      mhz: host.mhz,
      memoryBytes: host.memoryMiB * MiB,
      version: host.version,
      os: host.os,
      role: host.role,
      machine: host.machine,
      cpuModel: host.cpuModel,
      localDisksBytes: host.localDisksGB.map((size) => size * GB),
      sataSlots: host.sataSlots,
    })),
    arrays: file.arrays.map((array) => ({
      name: array.name,
      kind: array.kind,
      raid: array.raid,
      sizeBytes: array.sizeGB * GB,
      hosts: array.hosts,
      cacheMode: array.cacheMode,
      writeCacheBytes: array.writeCacheMiB * MiB,
      drainBytesPerSecond: array.drainMBs * MB,
      writeThroughBytesPerSecond: array.writeThroughMBs * MB,
      freezes: array.freezes,
    })),
    vms: file.vms.map((vm) => ({
      name: vm.name,
      host: vm.host,
      group: vm.group,
      owner: vm.owner ?? (vm.group === 'personal' ? vm.name : undefined),
      vcpus: vm.vcpus,
      memoryBytes: vm.memoryMiB * MiB,
      storage: vm.storage,
      diskBytes: Math.round(vm.diskGB * GB),
      profile: vm.profile,
      running: vm.running,
      autostart: vm.autostart,
    })),
    timeline: file.timeline
      .map(({ at, ...event }): TimelineEvent => {
        switch (event.event) {
          case 'fill':
            return { atMs: at, event: 'fill', host: event.host, bytesPerSecond: event.rate }
          case 'freeze':
            return { atMs: at, event: 'freeze', array: event.array, forMs: event.for }
          default:
            return { atMs: at, ...event }
        }
      })
      .sort((a, b) => a.atMs - b.atMs),
    labels: file.labels,
    services: file.services,
    apart: file.apart,
    classes: file.classes,
    exceptions: file.exceptions.map(({ vm, host, rule, reason }) => ({ vm, host, rule, reason })),
    policy: {
      vmMemoryBytes: file.policy.vmMemoryMiB * MiB,
      hostReserveBytes: file.policy.hostReserveMiB * MiB,
    },
  }
}
