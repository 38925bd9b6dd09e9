import { basename } from 'node:path'

import { z } from 'zod'

import { minuteOf, weekdays } from '../common/allow-rules.js'
import { duration, size } from '../common/config.js'
import { logLevels } from '../common/log.js'
import { askableVerbs, entryName, type VerbName } from '../common/verbs.js'
import { givenArguments, wholePattern } from './commands/exec-entry.js'
import { defaultController } from './controller-address.js'
import { hostEntryName, isOfThisMachine } from './host-entry.js'
import { canaryName } from './storage/canary/canary-file.js'

/** Names that files of the data directory can have, and that ssh takes for no option. */
const plainName = /^[A-Za-z0-9][\w.:-]{0,127}$/
const name = z.string().regex(plainName, 'letters, digits, dots, colons and hyphens')
/** ssh takes blanks, quotes and percent signs in a path for something else. */
const plainPath = z.string().regex(/^[^\s"'%]{1,1024}$/, 'a path without blanks, quotes and percent signs')
const algorithms = z.string().regex(/^[+^-]?[\w@.*?,-]{1,1024}$/, 'a list as in ssh_config(5), such as +ssh-rsa')

const account = z.string().regex(/^[A-Za-z_][\w.-]{0,63}$/, 'the name of an account')

/** The account on another machine that is read instead of this one: see docs/install.md. */
const ssh = z.strictObject({
  host: z.string().regex(plainName, 'a host name or an address'),
  port: z.int().min(1).max(65_535).default(22),
  user: account.default('headroom'),
  /** Private key, without a passphrase; `ssh/key` in the data directory if absent. */
  identityFile: plainPath.optional(),
  /** Where the host's key is; `ssh/known_hosts` in the data directory if absent. Never written. */
  knownHostsFile: plainPath.optional(),
  /** Path of headroom-reader on the host, for accounts without a forced command. */
  reader: z
    .string()
    .regex(/^\/[\w./-]{1,1023}$/, 'a plain absolute path')
    .optional(),
  /** The account and key with which its VMs are acted upon, of Xen hosts. Absent: they are only read, whatever `allow` says. */
  act: z.strictObject({ user: account.default('root'), identityFile: plainPath.optional() }).optional(),
  /** Of ssh_config(5), for servers too old for what ssh offers by itself. */
  options: z
    .strictObject({
      KexAlgorithms: algorithms.optional(),
      HostKeyAlgorithms: algorithms.optional(),
      PubkeyAcceptedAlgorithms: algorithms.optional(),
      Ciphers: algorithms.optional(),
      MACs: algorithms.optional(),
      AddressFamily: z.enum(['any', 'inet', 'inet6']).optional(),
    })
    .prefault({}),
})

const libvirt = z
  .strictObject({
    kind: z.literal('libvirt'),
    uri: z.enum(['qemu:///system', 'xen:///system']).default('qemu:///system'),
    /** Shown to people. If absent: that of this machine, or what the host over ssh calls itself. */
    name: name.optional(),
    /** Socket to read from; the read-only one is enough. Found by itself if absent. */
    socket: z.string().min(1).optional(),
    /** Reads another machine over ssh. */
    ssh: ssh.optional(),
  })
  .refine(({ socket, ssh: over }) => socket === undefined || over === undefined, {
    path: ['socket'],
    error: 'socket or ssh, not both: the host over ssh finds its own',
  })

/** Xen by the text of its own tools, where libvirt is too old or not there: run in dom0, as root, or over ssh. */
const xenTools = z
  .strictObject({
    kind: z.literal('xen-tools'),
    /** As of libvirt. */
    name: name.optional(),
    /** xl or xm; /usr/sbin/xl, else /usr/sbin/xm, if absent. */
    program: z.string().startsWith('/', 'an absolute path').optional(),
    /** Reads another machine over ssh. */
    ssh: ssh.optional(),
  })
  .refine(({ program, ssh: over }) => program === undefined || over === undefined, {
    path: ['program'],
    error: 'program or ssh, not both: the host over ssh finds its own',
  })

/** This machine without any hypervisor: a server of storage. */
const storage = z.strictObject({
  kind: z.literal('storage'),
  /** As of libvirt. */
  name: name.optional(),
})

const simulated = z.strictObject({
  kind: z.literal('simulated'),
  /** Fleet file in the form of deploy/fleets/elab.yaml. */
  fleet: z.string().min(1),
  seed: z.int().min(0).default(1),
  /** Simulated seconds in one second. */
  speed: z.number().positive().max(1000).default(1),
})

const esxi = z
  .strictObject({
    kind: z.literal('esxi'),
    /** Of an ESXi host or a vCenter; the path is `/sdk` if there is none. */
    url: z.url({ protocol: /^https$/, error: 'an address such as https://esxi.example/sdk' }),
    user: z.string().min(1).max(256),
    /** Its first line is the password. */
    passwordFile: z.string().min(1),
    /** SHA-256 of the server's certificate, with or without colons: proves a host's own certificate. */
    thumbprint: z
      .string()
      .regex(/^([0-9a-f]{2}:?){31}[0-9a-f]{2}$/i, 'the SHA-256 thumbprint of the certificate, 32 bytes in hex')
      .optional(),
    /** Authority of the server's certificate. Without it and without a thumbprint: the system's authorities. */
    caFile: z.string().min(1).optional(),
  })
  .refine(({ thumbprint, caFile }) => thumbprint === undefined || caFile === undefined, {
    path: ['caFile'],
    error: 'thumbprint or caFile, not both',
  })

/** A program of this machine: where it usually is, its path, or not at all. */
const tool = z
  .union([z.literal('auto'), z.literal('off'), z.string().regex(/^\/[^\0]{1,1023}$/)], {
    error: 'auto, off or an absolute path',
  })
  .default('auto')

const verbs: readonly [VerbName, ...VerbName[]] = ['start', ...askableVerbs.filter((one) => one !== 'start')]

/** `22:00-06:00`, minutes of the day. */
const span = z
  .string()
  .regex(/^\d\d:\d\d-\d\d:\d\d$/, 'times such as 22:00-06:00')
  .transform((text, context) => {
    const [fromMinute, toMinute] = text.split('-').map(minuteOf)
    if (fromMinute !== undefined && toMinute !== undefined) return { fromMinute, toMinute }
    context.addIssue({ code: 'custom', message: 'times such as 22:00-06:00' })
    return z.NEVER
  })

/** What a controller may do with VMs here. Nothing that it says makes it more. */
const allowRule = z
  .strictObject({
    verbs: z.array(z.enum(verbs)).min(1),
    /** Names of VMs; * stands for any characters. */
    vms: z.array(z.string().min(1).max(256)).min(1).max(256),
    /** In this machine's local time; always if absent. */
    between: span.optional(),
    /** On which it begins. */
    days: z.array(z.enum(weekdays)).min(1).optional(),
  })
  .transform(({ verbs: allowed, vms, between, days }) => ({
    verbs: allowed,
    vms,
    ...((between ?? days) && {
      window: { ...(between ?? { fromMinute: 0, toMinute: 0 }), days: days ?? [...weekdays] },
    }),
  }))

/** A program that commands may have run for a VM. */
const execEntry = z
  .strictObject({
    name: z.string().regex(entryName, 'small letters, digits and dashes, at most 32'),
    program: z.string().regex(/^(?!.*\/\.{0,2}(\/|$))\/[^\0]{1,1023}$/, 'an absolute path, without . and ..'),
    /** In their order: a fixed text; one of whoever asks, which matches as a whole; or what the hypervisor says of the VM. */
    arguments: z
      .array(
        z.union(
          [
            z.string().max(256),
            z.strictObject({ matches: z.string().min(1).max(256).refine(isPattern, 'a regular expression') }),
            z.strictObject({ vm: z.enum(['name', 'uuid']) }),
            z.strictObject({ rate: z.enum(['bytes', 'KiB', 'MiB']) }),
          ],
          { error: 'a text, { matches: PATTERN }, { vm: name or uuid } or { rate: bytes, KiB or MiB }' },
        ),
      )
      .max(16)
      .refine(
        (list) => list.filter((one) => typeof one === 'object' && 'matches' in one).length <= givenArguments.length,
        { error: `at most ${givenArguments.length} that are given by whoever asks` },
      )
      .default([]),
    /** Then it is ended. */
    timeout: duration.prefault('10m'),
    /** It reads or writes much. */
    bulk: z.boolean().default(false),
  })
  .transform(({ timeout, bulk, arguments: words, ...rest }) => ({
    ...rest,
    arguments: words.map((one) =>
      typeof one === 'object' && 'matches' in one ? { matches: wholePattern(one.matches) } : one,
    ),
    timeoutMs: timeout,
    isBulk: bulk,
  }))

function isPattern(source: string): boolean {
  try {
    wholePattern(source)
    return true
  } catch {
    return false
  }
}

/** `agent.yaml`. Every value has a default; unknown keys are errors. */
export const agentConfigSchema = z
  .strictObject({
    /** Directory of the agent's own state: its identity. */
    data: z.string().min(1).default('./data/agent'),
    /** Name shown to people; the host name if absent. */
    name: z.string().min(1).max(128).optional(),
    /** Where reports go. One for now: the list leaves room for a standby. */
    controllers: z
      .array(
        z.strictObject({
          address: z.string().regex(/^[^\s/]+:\d{1,5}$/, 'host:port'),
          /** Read at first start to enrol. */
          joinTokenFile: z.string().min(1).optional(),
        }),
      )
      .length(1, 'exactly one controller')
      .prefault([{ address: defaultController }]),
    hypervisors: z
      .array(z.discriminatedUnion('kind', [libvirt, xenTools, storage, simulated, esxi]))
      .min(1)
      .refine(
        (entries) => {
          const names = entries.flatMap((entry) => hostEntryName(entry) ?? [])
          return new Set(names).size === names.length
        },
        { error: 'two hosts with one name: give each a name of its own' },
      )
      .refine(
        (entries) => {
          const ofThisMachine = entries.filter(isOfThisMachine)
          return ofThisMachine.length < 2 || ofThisMachine.every(({ kind }) => kind !== 'storage')
        },
        { error: 'storage alone for this machine: an entry of its hypervisor tells of its storage too' },
      )
      .prefault([{ kind: 'libvirt' }]),
    /** Roots of what is read from the machine. */
    paths: z
      .strictObject({
        proc: z.string().min(1).default('/proc'),
        sys: z.string().min(1).default('/sys'),
        dev: z.string().min(1).default('/dev'),
        root: z.string().min(1).default('/'),
      })
      .prefault({}),
    /** RAID, disks and pools of the machine itself: read rarely. */
    storageHealth: z
      .strictObject({
        interval: duration.prefault('5m'),
        /** Of md and of RAID controllers: as late is it known that an array writes through. */
        raidInterval: duration.prefault('60s'),
        md: z.boolean().default(true),
        smartctl: tool,
        storcli: tool,
        lvm: tool,
      })
      .prefault({}),
    /** What this machine exports to others, if it is a storage server. */
    exports: z
      .strictObject({
        /** tgtd's management socket: `auto`, where it usually is. */
        tgt: tool,
        /** The kernel's own target. */
        lio: z.boolean().default(true),
      })
      .prefault({}),
    /** Small writes of the agent's own to arrays, by which it measures how long they take: see docs/install.md. */
    canary: z
      .array(
        z.strictObject({
          /** The array's key, or the path where it is mounted. */
          on: z.string().min(1).max(384),
          /** A file or a device of the canary's own on it. */
          file: z
            .string()
            .regex(/^\/(?!.*\/\.{0,2}\/)[^\0]{0,1023}$/, 'an absolute path')
            .refine((path) => canaryName.test(basename(path)), 'a last name that begins with headroom-canary'),
        }),
      )
      .max(4, 'at most 4: each takes a thread')
      .refine((list) => new Set(list.map(({ file }) => file)).size === list.length, 'each file once')
      .default([]),
    /** What a controller may do with the VMs here; what no line allows is refused. Nothing, if there is none. */
    allow: z.array(allowRule).max(64).default([]),
    /** Where VMs of this host may move to, and how its hypervisor reaches others. */
    migration: z
      .strictObject({
        /** Names of hosts, as the controller knows them; * stands for any characters. None: none may move. */
        to: z.array(z.string().min(1).max(256)).max(64).default([]),
        /** Of another host's libvirt, as this host's libvirt dials it. */
        uri: z
          .string()
          .regex(/^qemu\+(tls|tcp|ssh|libssh2?):\/\/[\w.@-]*\{host\}[\w.:-]*\/system(\?[\w=&./-]*)?$/, {
            error: 'a URI such as qemu+tls://{host}/system',
          })
          .default('qemu+tls://{host}/system'),
        /** Whether the VM's memory is encrypted on its way, by QEMU's own certificates. */
        encrypted: z.boolean().default(true),
      })
      .prefault({}),
    /** Programs that the verb exec may run, by name; who may have them run for which VMs says allow. */
    exec: z
      .array(execEntry)
      .max(64)
      .refine((list) => new Set(list.map(({ name: one }) => one)).size === list.length, 'each name once')
      .default([]),
    /** Reports that wait for the controller's ack; the oldest go first when it is full. */
    spool: z
      .strictObject({
        maxReports: z.int().min(16).max(1_000_000).default(100_000),
        maxSize: size.prefault('64MiB'),
        maxAge: duration.prefault('3d'),
      })
      .prefault({}),
    /** The agent's own /metrics and /healthz. */
    metrics: z
      .strictObject({
        host: z.string().min(1).default('127.0.0.1'),
        port: z.int().min(0).max(65_535).default(8422),
      })
      .prefault({}),
    /** Until the controller says otherwise. */
    intervals: z
      .strictObject({
        state: duration.prefault('10s'),
        fast: duration.prefault('1s'),
        block: duration.prefault('10s'),
        guestMemory: duration.prefault('30s'),
        inventory: duration.prefault('60s'),
      })
      .prefault({}),
    log: z.strictObject({ level: z.enum(logLevels).default('info') }).prefault({}),
  })
  .refine(({ canary, hypervisors }) => canary.length === 0 || hypervisors.some(isOfThisMachine), {
    path: ['canary'],
    error: 'a hypervisor of this machine beside it: hosts that are read from elsewhere are only read',
  })

export type AgentConfig = z.output<typeof agentConfigSchema>
