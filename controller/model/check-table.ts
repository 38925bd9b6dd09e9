import type { Severity } from './finding.js'

/** Every check by name: what it says, how long it must hold, and what it compares with. The one list; docs/policy.md shows it. Imports nothing. */

/** A figure that a check compares with: how it is written in a policy file (`5%`, `2GiB`, `5MB/s`, `30s`, `3`), and what it is if that says nothing. */
export interface CheckSetting {
  readonly unit: 'share' | 'size' | 'rate' | 'duration' | 'number'
  /** 0 to 1, bytes, bytes a second, milliseconds, or a plain number. */
  readonly initial: number
  readonly meaning: string
  /** Less would never end what was raised. */
  readonly least?: number
  /** Another setting of the check that must not be below this one: what ends an alert must not raise it, what is critical not be the milder. */
  readonly notAbove?: string
}

export interface CheckRow {
  readonly says: string
  /** What it finds, unless the policy says otherwise; for people, as a check may grade what it finds. */
  readonly severity: string
  /** How long it must be found before anybody is told, and must be gone before that ends. */
  readonly raiseAfterMs: number
  readonly clearAfterMs: number
  /** It tells of what happened, for a while, not of what is so: whoever did not want to hear of it then does not want to later. */
  readonly isEvent?: true
  readonly settings?: Readonly<Record<string, CheckSetting>>
}

const minute = 60_000
const day = 86_400_000

/** For what is so or is not, and neither comes nor goes by itself. */
const standing = { raiseAfterMs: 5 * minute, clearAfterMs: minute } as const
/** For figures that go up and down. */
const figure = { raiseAfterMs: 2 * minute, clearAfterMs: 5 * minute } as const

/** For CPUs, which are busy for minutes without harm. */
const load = { raiseAfterMs: 10 * minute, clearAfterMs: 5 * minute } as const

const ofLimits = 'of each of these limits: below it is over'
const ofLimitsOrBack =
  'of each of these limits: below it is over; for what is available, when the limit is that part of it'
/** For what is read every few minutes: one reading that fails, or a controller that was just started, must not end it. */
const rarelyReadMs = 10 * minute
/** For what happened, and is said for a while. */
const event = { raiseAfterMs: 0, clearAfterMs: 0, isEvent: true } as const

export const checkTable = {
  'host-silent': {
    says: 'nothing is heard of a host; its room does not count',
    severity: 'critical',
    // After a start of the controller every host is silent until its agent is back.
    raiseAfterMs: 90_000,
    clearAfterMs: minute,
  },
  'host-unreachable': {
    says: 'the agent answers, its hypervisor does not; the room does not count',
    severity: 'critical',
    raiseAfterMs: 0,
    clearAfterMs: minute,
  },
  'room-unknown': { says: 'the room of a host cannot be said, with the reason', severity: 'warning', ...figure },
  'memory-overcommit': {
    says: 'VMs may grow to more than all the memory of their host',
    severity: 'warning',
    ...figure,
  },
  'into-reserve': { says: "VMs reach into their host's reserve", severity: 'warning', ...figure },
  'no-room': { says: 'no room for one VM more', severity: 'info', ...figure },
  'near-miss': {
    says: 'little is missing for one VM more',
    severity: 'info',
    ...figure,
    settings: {
      within: { unit: 'share', initial: 1 / 16, meaning: 'of the memory of a new VM: what counts as little' },
    },
  },
  'memory-contradiction': {
    says: "under KVM, the agent's /proc tells of another size of memory than the hypervisor manages",
    severity: 'warning',
    ...standing,
    settings: {
      above: { unit: 'share', initial: 0.02, meaning: 'of the larger of the two: a difference that is no rounding' },
    },
  },
  'lost-with-host': {
    says: 'VMs that cannot start elsewhere if their host fails, until its local disks are moved',
    severity: 'info',
    ...standing,
  },
  'host-failure': {
    says: 'if the host fails, not all its VMs find a place',
    severity: 'warning',
    ...standing,
    // A VM that is off for a while makes room that is needed again when it is back.
    clearAfterMs: 60 * minute,
  },
  'vcpu-overcommit': {
    says: 'more virtual CPUs on a host than `limits.vcpusPerCore` allows',
    severity: 'warning',
    ...figure,
  },
  'policy-file': {
    says: 'the policy file is bad or gone; the policy before it goes on',
    severity: 'warning',
    raiseAfterMs: 0,
    clearAfterMs: 0,
  },
  'core-on-shared-storage': { says: 'a core VM has a disk on local storage', severity: 'warning', ...standing },
  'reserve-host-empty': { says: 'a VM runs on a host that is kept in reserve', severity: 'warning', ...standing },
  'personal-beside-core': {
    says: 'a personal VM runs on a host with core VMs',
    severity: 'info; warning if it is not on local disk',
    ...standing,
  },
  'personal-on-core-array': {
    says: 'a personal VM has a disk on shared storage that core VMs use',
    severity: 'warning',
    ...standing,
  },
  'memory-above-class-limit': {
    says: 'a VM may grow to more than `limits.classMemory` allows its class',
    severity: 'info',
    ...standing,
  },
  'service-on-one-host': { says: 'two members of a service are on one host', severity: 'warning', ...standing },
  'service-on-one-array': {
    says: 'two members of a service have disks on one array',
    severity: 'warning',
    ...standing,
  },
  'apart-on-one-host': { says: 'two VMs that `apart` names run on one host', severity: 'warning', ...standing },
  'host-memory-pressure': {
    says: 'a host is short of memory: tasks wait for it, it swaps in, or little is available',
    severity: 'warning; critical if all tasks wait much',
    ...figure,
    settings: {
      waiting: { unit: 'share', initial: 0.1, meaning: 'of the time some task waits for memory' },
      critical: { unit: 'share', initial: 0.2, meaning: 'of the time all tasks wait for memory' },
      swapIn: { unit: 'rate', initial: 1e6, meaning: 'is swapped in' },
      available: { unit: 'share', initial: 0.05, meaning: 'of the memory is available' },
      clearBelow: { unit: 'share', initial: 0.6, meaning: ofLimitsOrBack, least: 0.01 },
    },
  },
  'vm-memory-pressure': {
    says: 'a VM is short of memory, as its guest says or because its host takes it back',
    severity: 'warning; info of a personal VM',
    ...figure,
    settings: {
      swapIn: { unit: 'rate', initial: 1e6, meaning: 'the guest swaps in' },
      available: { unit: 'share', initial: 0.05, meaning: 'of its memory the guest has available' },
      ballooned: { unit: 'share', initial: 0.1, meaning: 'of its memory the host has taken back (ESXi)' },
      swapped: { unit: 'size', initial: 64 * 2 ** 20, meaning: 'the host has swapped out (ESXi)' },
      clearBelow: { unit: 'share', initial: 0.6, meaning: ofLimitsOrBack, least: 0.01 },
    },
  },
  'cpu-steal': {
    says: 'a host runs under another hypervisor, which gives its CPUs to others; under Xen dom0 waits for its VMs',
    severity: 'warning',
    ...load,
    settings: {
      above: { unit: 'share', initial: 0.1, meaning: 'of the time of its CPUs' },
      clearBelow: { unit: 'share', initial: 0.05, meaning: 'below it is over', least: 0.001, notAbove: 'above' },
    },
  },
  'cpu-saturated': {
    says: 'the CPUs of a host are all in use, or tasks wait for one most of the time',
    severity: 'warning',
    ...load,
    settings: {
      used: { unit: 'share', initial: 0.95, meaning: 'of its CPUs are in use' },
      waiting: { unit: 'share', initial: 0.6, meaning: 'of the time some task waits for a CPU' },
      clearBelow: { unit: 'share', initial: 0.9, meaning: ofLimits, least: 0.01 },
    },
  },
  'vcpu-wait': {
    says: 'the virtual CPUs of a VM wait for those of the host',
    severity: 'warning; info of a personal VM',
    ...load,
    settings: {
      above: { unit: 'share', initial: 0.1, meaning: 'of the time of each' },
      clearBelow: { unit: 'share', initial: 0.05, meaning: 'below it is over', least: 0.001, notAbove: 'above' },
    },
  },
  'file-system-space': {
    says: 'a file system of a host is nearly full, will be soon by how it filled so far, or cannot be written any more',
    severity: 'warning; critical if next to nothing is left, or will be within a day',
    ...figure,
    settings: {
      share: { unit: 'share', initial: 0.1, meaning: 'of its size is available, and less than `available`' },
      available: { unit: 'size', initial: 20 * 2 ** 30, meaning: 'is available, and less than `share`' },
      criticalShare: { unit: 'share', initial: 0.03, meaning: 'the same, for critical', notAbove: 'share' },
      criticalAvailable: {
        unit: 'size',
        initial: 2 * 2 ** 30,
        meaning: 'the same, for critical',
        notAbove: 'available',
      },
      left: {
        unit: 'duration',
        initial: 7 * 24 * 60 * minute,
        meaning: 'until it is full, if it goes on filling as it did; at most four times as long as that was seen',
      },
      criticalLeft: {
        unit: 'duration',
        initial: 24 * 60 * minute,
        meaning: 'the same, for critical',
        notAbove: 'left',
      },
      files: { unit: 'share', initial: 0.05, meaning: 'of its inodes are free' },
      clearAbove: { unit: 'number', initial: 1.2, meaning: 'times these limits: above it is over', least: 1 },
    },
  },
  'array-latency': {
    says: 'an array is slow, or stands still; who makes most of its work, and who waits',
    severity:
      'critical if it stands still or is very slow, else warning; a step less of a local disk with personal VMs alone, unless it stands still',
    raiseAfterMs: 30_000,
    clearAfterMs: 2 * minute,
    settings: {
      above: { unit: 'duration', initial: 50, meaning: 'reads or writes take that long', notAbove: 'critical' },
      clearBelow: { unit: 'duration', initial: 30, meaning: 'below it is over', least: 1, notAbove: 'above' },
      critical: { unit: 'duration', initial: 1000, meaning: 'from here on it is critical' },
    },
  },
  'array-cache': {
    says: "an array's write cache is nearly full or overflows, the array stands still, or its cache is off that was on; who fills it, who waits, what helps; and whether two bulk copies fill it at any time",
    severity:
      'critical if it stands still, or if it is full and core VMs are on it; info that two copies would fill it, or that it may be nearly full where nothing is known of its size; else warning',
    // A cache fills within seconds.
    raiseAfterMs: 0,
    clearAfterMs: minute,
    settings: {
      burstWithin: {
        unit: 'duration',
        initial: minute,
        meaning: 'two bulk copies fill it in less: that is said of it while nothing happens, too',
      },
      clearBelow: {
        unit: 'share',
        initial: 0.6,
        least: 0.1,
        meaning: 'of the cache are taken: below it one that was full is well again',
      },
    },
  },
  'vm-disk-latency': {
    says: 'a VM waits long for its disks, and not only for itself',
    severity: 'warning',
    ...figure,
    settings: {
      above: {
        unit: 'duration',
        initial: 100,
        meaning:
          'reads or writes take that long; of a VM that makes half of the work of the array or more, each by itself',
      },
      clearBelow: { unit: 'duration', initial: 60, meaning: 'below it is over', least: 1, notAbove: 'above' },
    },
  },
  'vm-hammers-array': {
    says: 'a VM does most of the work of an array that others use, while it is slow; a request counts as its bytes and 64 KiB more',
    severity: 'warning; info of a core VM, and of personal VMs alone on a local disk',
    // Each second counts here: others wait.
    raiseAfterMs: 3000,
    clearAfterMs: 20_000,
    settings: {
      personalShare: { unit: 'share', initial: 0.3, meaning: "of the array's work, by a personal VM" },
      share: { unit: 'share', initial: 0.6, meaning: 'the same, by any other' },
      personalLatency: {
        unit: 'duration',
        initial: 15,
        meaning: 'reads or writes of the array take that long: for a personal VM',
      },
      latency: { unit: 'duration', initial: 30, meaning: 'the same, for any other' },
      work: { unit: 'rate', initial: 2e6, meaning: 'what it does at least' },
      clearBelow: { unit: 'share', initial: 0.7, meaning: ofLimits, least: 0.01 },
    },
  },
  'raid-degraded': {
    says: 'a RAID array, a virtual drive or a volume group of a host lacks devices, or is not there',
    severity: 'critical',
    raiseAfterMs: 0,
    clearAfterMs: rarelyReadMs,
  },
  'raid-rebuilding': {
    says: 'a RAID array or drive is rebuilt, resynchronised or reshaped, with how far it is',
    severity: 'warning',
    raiseAfterMs: minute,
    clearAfterMs: rarelyReadMs,
  },
  'raid-controller': {
    says: 'a RAID controller has a bad or charging battery, a write cache that is off though configured on, or failed drives',
    severity: 'warning; critical if the cache is on without its battery',
    raiseAfterMs: minute,
    clearAfterMs: rarelyReadMs,
  },
  'disk-failing': {
    says: 'a disk says that it fails, has bad sectors, or is worn',
    severity: 'warning; critical if it says so itself',
    raiseAfterMs: minute,
    clearAfterMs: rarelyReadMs,
    settings: {
      pendingAbove: { unit: 'number', initial: 0, meaning: 'sectors that wait to be read or reallocated' },
      uncorrectableAbove: { unit: 'number', initial: 0, meaning: 'sectors that could not be read' },
      reallocatedAbove: { unit: 'number', initial: 50, meaning: 'sectors that were replaced' },
      mediaErrorsAbove: {
        unit: 'number',
        initial: 0,
        meaning: 'errors of the medium, as NVMe disks and RAID controllers count them',
      },
      usedAbove: { unit: 'share', initial: 0.9, meaning: 'of the rated life' },
      spareBelow: {
        unit: 'share',
        initial: 0.2,
        meaning: 'of the spare blocks; below the threshold of the disk it is critical',
      },
    },
  },
  'pool-space': {
    says: 'a thin pool is nearly full, or will be soon by how it filled so far; a volume group is given away',
    severity:
      'warning; critical if a thin pool is nearly full, of data or metadata, or will be within a day; info for a volume group',
    raiseAfterMs: minute,
    clearAfterMs: rarelyReadMs,
    settings: {
      above: { unit: 'share', initial: 0.85, meaning: 'of the data of a thin pool', notAbove: 'criticalAbove' },
      criticalAbove: { unit: 'share', initial: 0.95, meaning: 'of the same, from which it is critical' },
      metadataAbove: { unit: 'share', initial: 0.8, meaning: 'of the metadata of a thin pool' },
      volumesAbove: { unit: 'share', initial: 0.95, meaning: 'of a volume group without a thin pool' },
      left: {
        unit: 'duration',
        initial: 7 * day,
        meaning:
          'until a thin pool is full, if it goes on filling as it did; at most four times as long as that was seen',
      },
      criticalLeft: { unit: 'duration', initial: day, meaning: 'the same, for critical', notAbove: 'left' },
      clearAbove: { unit: 'number', initial: 1.2, meaning: 'times what is left: above it is over', least: 1 },
      clearWithin: {
        unit: 'share',
        initial: 0.03,
        meaning: 'how far below it must be again to end',
        notAbove: 'above',
      },
    },
  },
  // Where VMs and hosts are, and whether they are who they seem.
  'vm-doubled': {
    says: 'a VM runs on two hosts at once',
    severity: 'critical',
    // Hosts tell of the two ends of a move one after the other.
    raiseAfterMs: 30_000,
    clearAfterMs: minute,
  },
  'vm-halted-by-move': {
    says: 'a move has left a VM halted: it runs on none of its hosts; or has left a halted copy beside the one that runs',
    severity: 'critical; warning of a copy beside one that runs',
    // The two ends of a move are told of one after the other.
    raiseAfterMs: 20_000,
    clearAfterMs: 10_000,
  },
  'vm-lost': {
    says: 'a VM was there, and its host, which is up, does not tell of it any more',
    severity: 'critical if it ran or crashed; warning if it was off or stopped; info if it was moved away',
    // What happened while an agent was away is told after what is now.
    raiseAfterMs: 2 * minute,
    clearAfterMs: minute,
    settings: { for: { unit: 'duration', initial: 7 * day, meaning: 'how long it is said if nothing tells more' } },
  },
  'duplicate-uuid': {
    says: 'several hosts tell of one UUID: two VMs that nothing can tell apart, or a definition that was left behind',
    severity: 'warning; info if it was left behind',
    ...standing,
  },
  'duplicate-mac': { says: 'two running VMs have one MAC address', severity: 'warning', ...standing },
  'definition-changed': {
    says: "a VM's memory, vCPUs, disks or networks changed",
    severity: 'info',
    ...event,
    settings: { for: { unit: 'duration', initial: day, meaning: 'how long it is said' } },
  },
  'host-rebooted': {
    says: 'a host was booted',
    severity: 'warning',
    ...event,
    settings: { for: { unit: 'duration', initial: 60 * minute, meaning: 'how long it is said' } },
  },
  'uptime-overflow': {
    says: 'a host comes near 208.5 days with a kernel that may stop then: from 2.6.28 to 3.1, where not fixed',
    severity: 'warning; critical in the last two days',
    ...standing,
    settings: { within: { unit: 'duration', initial: 14 * day, meaning: 'what is left when it is found' } },
  },
  // How agents and the controller itself do.
  'agent-silent': {
    says: 'an agent is not connected; it explains the silence of its hosts',
    severity: 'critical; info if no host depends on it',
    // As that of its hosts: after a start of the controller every agent has to come back.
    raiseAfterMs: 90_000,
    clearAfterMs: minute,
  },
  'agent-late': {
    says: 'an agent misses beats; its figures come late and are fewer',
    severity: 'warning',
    raiseAfterMs: 5 * minute,
    clearAfterMs: 5 * minute,
    settings: {
      above: { unit: 'number', initial: 30, meaning: 'beats missed within ten minutes' },
      clearBelow: {
        unit: 'number',
        initial: 10,
        meaning: 'beats that may be missed when it ends',
        least: 1,
        notAbove: 'above',
      },
    },
  },
  'agent-old': {
    says: "an agent is of a version before the controller's",
    severity: 'info; warning if the first number is lower',
    ...standing,
  },
  'clock-wrong': {
    says: "the clock of an agent's machine is not the controller's",
    severity: 'warning',
    ...standing,
    settings: {
      above: { unit: 'duration', initial: 5000, meaning: 'difference that is found' },
      clearBelow: {
        unit: 'duration',
        initial: 3000,
        meaning: 'difference that ends it',
        least: 1,
        notAbove: 'above',
      },
    },
  },
  'spool-filling': {
    says: 'reports wait with an agent that is connected, or were dropped',
    severity: 'warning; critical if they were dropped',
    raiseAfterMs: 5 * minute,
    clearAfterMs: minute,
    settings: {
      above: { unit: 'number', initial: 1000, meaning: 'reports that wait' },
      clearBelow: {
        unit: 'number',
        initial: 200,
        meaning: 'reports that may wait when it ends',
        least: 1,
        notAbove: 'above',
      },
    },
  },
  'certificate-ending': {
    says: 'the certificate of an agent, of the controller or of its authority ends soon; of an agent that is away, the time in which it may renew it',
    severity: 'warning; critical in the last two days of one in use',
    ...standing,
    settings: { within: { unit: 'duration', initial: 14 * day, meaning: 'what is left when it is found' } },
  },
  'store-trouble': {
    says: 'the store takes no data, is not in order, loses points or deletes them early; its queue or the disk fills',
    severity:
      'critical if it takes no data, points are lost, or hardly any space is left; info if points came too late; else warning',
    raiseAfterMs: minute,
    clearAfterMs: 2 * minute,
    settings: {
      queueAbove: { unit: 'share', initial: 0.5, meaning: 'of the queue of a server: what counts as filling' },
      queueClearBelow: {
        unit: 'share',
        initial: 0.3,
        meaning: 'of the queue: what ends it',
        least: 0.001,
        notAbove: 'queueAbove',
      },
      diskBelow: {
        unit: 'share',
        initial: 0.05,
        meaning: "of the disk of the controller's data: what is left when it is found",
        notAbove: 'diskClearAbove',
      },
      diskClearAbove: { unit: 'share', initial: 0.07, meaning: 'of the disk: what is left when it ends' },
    },
  },
  'channel-trouble': {
    says: 'alerts do not get through by a target of a route, or are refused by it for good',
    severity: 'warning',
    // Servers are started anew, and put strangers off for some minutes.
    raiseAfterMs: 10 * minute,
    clearAfterMs: minute,
  },
  'vm-crashed': {
    says: 'a VM crashed and is down',
    severity: 'critical of a core VM, warning of one of no class; info of a personal one',
    // Some are started again at once.
    raiseAfterMs: 30_000,
    clearAfterMs: minute,
  },
} as const satisfies Readonly<Record<string, CheckRow>>

export type CheckName = keyof typeof checkTable

/** How one check is set. */
export interface Threshold {
  /** In place of what the check says; undefined: as it says. */
  readonly severity: Severity | undefined
  readonly raiseAfterMs: number
  readonly clearAfterMs: number
}

type SettingsOf<Name extends CheckName> = (typeof checkTable)[Name] extends { readonly settings: infer Settings }
  ? { readonly [Key in keyof Settings]: number }
  : object

/** How every check is set. */
export type Thresholds = { readonly [Name in CheckName]: Threshold & SettingsOf<Name> }

const rows: readonly (readonly [name: string, row: CheckRow])[] = Object.entries(checkTable)

/** Checks that tell of what happened. */
export const eventChecks: ReadonlySet<string> = new Set(rows.flatMap(([name, { isEvent }]) => (isEvent ? [name] : [])))
