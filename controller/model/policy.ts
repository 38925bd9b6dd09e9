import type { CheckName, Thresholds } from './check-table.js'
import type { Severity } from './finding.js'
import type { AllowWindow } from '../../common/allow-rules.js'
import type { Role, Verb, VerbName } from '../../common/verbs.js'

/** The fleet's rules as plain data, after defaults. Of rules with `match` the first that matches wins; in patterns `*` stands for any characters. */
export interface Policy {
  readonly groups: readonly GroupRule[]
  readonly hosts: readonly HostRule[]
  readonly limits: {
    /** Memory of one new VM. */
    readonly vmMemoryBytes: number
    /** Kept on each host for the hypervisor itself. */
    readonly hostReserveBytes: number
    /** What a VM of a class may be configured to grow to; undefined: no limit. */
    readonly classMemoryBytes: Readonly<Record<VmClass, number | undefined>>
    /** Virtual CPUs of running VMs for each core of their host; undefined: no limit. */
    readonly vcpusPerCore: number | undefined
  }
  readonly arrays: readonly ArrayRule[]
  readonly services: readonly ServiceRule[]
  /** Patterns for names of VMs; those of one list run on different hosts. */
  readonly apart: readonly (readonly string[])[]
  readonly exceptions: readonly ExceptionRule[]
  readonly thresholds: Thresholds
  /** Every route that matches is told. */
  readonly routes: readonly RouteRule[]
  readonly silences: readonly SilenceRule[]
  readonly heartbeat: HeartbeatRule | undefined
  /** The first that matches counts. */
  readonly approvals: readonly ApprovalRule[]
  readonly moves: MoveRules
}

/** `core`: what others depend on. `personal`: what its owner does with it nobody can foresee. Others have no class. */
export const vmClasses = ['core', 'personal'] as const
export type VmClass = (typeof vmClasses)[number]

/** `reserve`: kept empty for what must move in a hurry. The others say what the host is for. */
export const hostRoles = ['core', 'personal', 'secondary', 'reserve'] as const
export type HostRole = (typeof hostRoles)[number]

export interface GroupRule {
  readonly name: string
  /** Patterns for names of VMs; empty: only VMs whose own metadata name the group. */
  readonly match: readonly string[]
  readonly class: VmClass | undefined
  /** `{vm}` in it stands for the VM's name. */
  readonly owner: string | undefined
}

export interface HostRule {
  /** Patterns for names of hosts. */
  readonly match: readonly string[]
  readonly role: HostRole | undefined
  readonly reserveBytes: number | undefined
}

export interface ArrayRule {
  readonly name: string
  /** Patterns for keys of arrays. */
  readonly match: readonly string[]
  /** All that it matches is one box. */
  readonly join: boolean
  /** Write cache of the box, and how fast it empties to its disks. */
  readonly cacheBytes: number | undefined
  readonly drainBytesPerSecond: number | undefined
  /** What one bulk copy writes to it; else what was seen counts. */
  readonly bulkCopyBytesPerSecond: number | undefined
}

export interface ServiceRule {
  readonly name: string
  /** Patterns for names of VMs, the primary first. VMs whose own metadata name the service are members too. */
  readonly members: readonly string[]
}

/** Something that a rule finds and that is on purpose. */
export interface ExceptionRule {
  /** Pattern for the name of a VM, or of a host and all on it: one of them. */
  readonly vm: string | undefined
  readonly host: string | undefined
  readonly rule: CheckName
  readonly reason: string
}

/** Whom to tell of what. */
export interface RouteRule {
  readonly name: string
  /** All parts that are there have to fit. */
  readonly match: {
    readonly severity?: readonly Severity[] | undefined
    /** Pattern for names of checks. */
    readonly check?: string | undefined
    readonly group?: string | undefined
    /** Pattern for names of owners. */
    readonly owner?: string | undefined
  }
  readonly to: readonly TargetRule[]
  /** Alerts that agree in these are told in one message. */
  readonly groupBy: readonly ('check' | 'severity' | 'subject' | 'host' | 'group' | 'owner')[]
  /** How long to wait for others of the group; the least time between two messages about it; how often to remind. */
  readonly groupWaitMs: number
  readonly groupIntervalMs: number
  readonly repeatMs: number
}

/** Where to send. Secrets are in files. */
export type TargetRule =
  | {
      readonly kind: 'alertmanager'
      readonly url: string
      /** How often what fires is sent again. */
      readonly resendMs: number
      readonly user?: string | undefined
      readonly passwordFile?: string | undefined
      readonly tokenFile?: string | undefined
    }
  | { readonly kind: 'webhook'; readonly url: string; readonly secretFile: string }
  | {
      readonly kind: 'email'
      /** `{owner}` in it stands for each owner. */
      readonly to: readonly string[]
    }

/** What nobody is told of for a while. */
export interface SilenceRule {
  readonly match: {
    /** Pattern for names of checks. */
    readonly check?: string | undefined
    /** Pattern for subjects: `host:xenhv0*`, `vm:panda`, `fleet`. */
    readonly subject?: string | undefined
  }
  readonly untilMs: number
  readonly author: string
  readonly reason: string
}

/** Commands that a second person has to approve. All parts that are there have to fit. */
export interface ApprovalRule {
  readonly verbs: readonly VerbName[] | undefined
  readonly risks: readonly Verb['risk'][] | undefined
  /** Patterns for names of VMs. */
  readonly vms: readonly string[] | undefined
  /** The least role of the second person. */
  readonly role: Extract<Role, 'operator' | 'admin'>
  /** How long it waits. */
  readonly withinMs: number
}

/** How VMs are moved between hosts. */
export interface MoveRules {
  /** Patterns for names of VMs that are never moved. */
  readonly pin: readonly string[]
  /** Patterns for names of VMs; those of one list are to be on one host. */
  readonly together: readonly (readonly string[])[]
  /** Share of what is uneven by which a plan has to make it less. */
  readonly minGain: number
  /** Looks in a row that have to find a plan before it may begin by itself. */
  readonly holdRounds: number
  /** How long a VM stays after it was moved; twice as long with each move within a day. */
  readonly coolDownMs: number
  /** Moves of one plan; those to or from one host, and of VMs with disks on one array. */
  readonly mostPerPlan: number
  readonly mostPerHost: number
  readonly mostPerArray: number
  /** What may be moved without anybody's word; empty: nothing. */
  readonly automatic: readonly AutomaticRule[]
}

export interface AutomaticRule {
  /** Patterns for names of VMs. */
  readonly vms: readonly string[]
  /** In the local time of the controller's machine. */
  readonly window: AllowWindow
}

/** A sign of life, whose absence somebody else notices. */
export interface HeartbeatRule {
  readonly everyMs: number
  /** Asked with GET. */
  readonly url?: string | undefined
  readonly alertmanager?: Extract<TargetRule, { readonly kind: 'alertmanager' }> | undefined
}
