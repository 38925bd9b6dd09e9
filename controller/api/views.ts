import { z } from 'zod'

import { commandStates, roles, verbNames } from '../../common/verbs.js'

import { hostKinds } from '../model/snapshot.js'
import { storageHealthView } from './storage-health-view.js'
import { remedyActions } from '../arrays/remedies.js'
import { arrayCacheStates, loadClasses } from '../model/array-condition.js'
import { arrayEvents } from '../model/array-event.js'
import { outcomes } from '../remedies/remedy-mark.js'
import { topics } from '../why/reason.js'

/**
 * What the HTTP API answers: one schema a resource, used to check answers, to write OpenAPI and as types by page and CLI.
 * A metric that is not known is left out, never 0. Times are milliseconds since the epoch.
 */

const timeMs = z.number().describe('milliseconds since the epoch')

export const gapView = z.object({
  group: z.string(),
  reason: z.string(),
  message: z.string(),
  sinceMs: timeMs,
})

/** Live metrics by field name (see the list of measurements); absent ones are left out. */
const metricsShape = z.record(z.string(), z.number())

export const diskView = z.object({
  target: z.string(),
  source: z.string(),
  backend: z.string(),
  arrayKey: z.string(),
  arrayName: z.string(),
  unit: z.string().optional(),
  capacityBytes: z.number().optional(),
  allocationBytes: z.number().optional(),
  readOnly: z.boolean(),
  removable: z.boolean(),
  format: z.string().optional(),
  cache: z.string().optional(),
  bus: z.string().optional(),
  metrics: metricsShape,
})

export const nicView = z.object({
  device: z.string(),
  mac: z.string(),
  network: z.string().optional(),
  metrics: metricsShape,
})

export const vmView = z.object({
  uuid: z.string(),
  revision: z.number(),
  name: z.string(),
  host: z.string().describe('name of the host that it is on'),
  hostId: z.string(),
  kind: z.enum(hostKinds),
  simulated: z.boolean(),
  state: z.string(),
  stateReason: z.string(),
  stateSince: timeMs,
  stale: z.boolean().describe('its host is silent or it could not be read; values are the last known'),
  doubled: z.boolean().describe('two hosts report it as running'),
  class: z.enum(['core', 'personal']).optional().describe('by policy'),
  owner: z.string().optional().describe('by policy, else by its own metadata; group and service too'),
  group: z.string().optional(),
  service: z.string().optional(),
  labelOrigins: z
    .record(z.string(), z.string())
    .describe('who said class, group, owner and service: the key of a rule, such as groups.0, or metadata'),
  title: z.string().optional(),
  vcpus: z.number().optional(),
  autostart: z.boolean().optional(),
  cpuCores: z.number().optional(),
  memoryBytes: z.number().optional().describe('what it has now'),
  memoryMaxBytes: z.number().optional().describe('what it is configured to grow to'),
  memoryRssBytes: z.number().optional(),
  memoryGuestUsedBytes: z.number().optional(),
  memoryGuestAt: timeMs.optional().describe('when the guest said so'),
  readBytesPerSecond: z.number().optional(),
  writeBytesPerSecond: z.number().optional(),
  readRequestsPerSecond: z.number().optional(),
  writeRequestsPerSecond: z.number().optional(),
  readLatencyMs: z.number().optional(),
  writeLatencyMs: z.number().optional(),
  receiveBytesPerSecond: z.number().optional(),
  transmitBytesPerSecond: z.number().optional(),
  metrics: metricsShape,
  absent: z.record(z.string(), z.string()).describe('why a metric is not there, by field'),
  disks: z.array(diskView),
  nics: z.array(nicView),
  gaps: z.array(gapView),
  lastSampleAt: timeMs.optional(),
})

export const fileSystemView = z.object({
  mount: z.string(),
  device: z.string(),
  type: z.string(),
  sizeBytes: z.number(),
  availableBytes: z.number(),
  files: z.number(),
  filesFree: z.number(),
  readOnly: z.boolean(),
})

export const capabilityView = z.object({
  name: z.string(),
  support: z.enum(['yes', 'degraded', 'no']),
  reason: z.string(),
})

/** The memory ledger: installed − reserve − configured = room for new VMs. */
export const ledgerView = z.object({
  memoryBytes: z.number().optional().describe('what the hypervisor manages; left out while unknown'),
  memoryAt: timeMs.optional(),
  memorySource: z.string().optional(),
  configuredBytes: z.number().describe('sum over its running VMs of what each may grow to'),
  reserveBytes: z.number().describe('kept for the hypervisor itself'),
  spareBytes: z.number().optional().describe('memory − reserve − configured; negative: into the reserve'),
  room: z.number().optional().describe('new VMs of vmMemoryBytes that fit'),
  shortOfNextBytes: z.number().optional().describe('what is missing for one VM more'),
})

const exportView = z.object({
  arrayKey: z.string().describe('as those who use it know the array'),
  lun: z.string(),
  backing: z.string(),
  metrics: metricsShape,
  sessions: z.array(
    z.object({
      session: z.string(),
      initiator: z.string(),
      address: z.string(),
      readBytesPerSecond: z.number().optional(),
      writeBytesPerSecond: z.number().optional(),
      readRequestsPerSecond: z.number().optional(),
      writeRequestsPerSecond: z.number().optional(),
      inFlight: z.number().optional(),
    }),
  ),
})

export const hostView = z.object({
  id: z.string(),
  revision: z.number(),
  name: z.string(),
  kind: z.enum(hostKinds),
  simulated: z.boolean(),
  status: z.enum(['up', 'unreachable', 'silent']),
  statusSince: timeMs,
  lastReportAt: timeMs.optional(),
  agentId: z.string(),
  hypervisorVersion: z.string(),
  os: z.string().optional(),
  kernel: z.string().optional(),
  machine: z.string().optional(),
  cpuModel: z.string().optional(),
  cpuCores: z.number().optional(),
  cpuThreads: z.number().optional(),
  memoryBytes: z.number().optional(),
  ledger: ledgerView,
  vms: z.number(),
  runningVms: z.number(),
  maintenance: z
    .object({ since: timeMs, by: z.string(), reason: z.string() })
    .optional()
    .describe('nothing is started there, and nothing moved to it; left out otherwise'),
  clockOffsetMs: z.number().optional(),
  metrics: metricsShape,
  absent: z.record(z.string(), z.string()),
  capabilities: z.array(capabilityView),
  gaps: z.array(gapView),
  fileSystems: z.array(fileSystemView),
  unreadFileSystems: z
    .array(z.object({ mount: z.string(), device: z.string(), type: z.string(), reason: z.string() }))
    .describe('that are there and did not answer'),
  disks: z.array(z.object({ device: z.string(), metrics: metricsShape })),
  networks: z.array(z.object({ device: z.string(), metrics: metricsShape })),
  exports: z
    .array(exportView)
    .optional()
    .describe('LUNs that others use, where the host is a storage server; left out where nothing is told of them'),
  busyProcesses: z
    .array(
      z.object({ pid: z.number(), name: z.string(), readBytesPerSecond: z.number(), writeBytesPerSecond: z.number() }),
    )
    .optional()
    .describe("the host's own processes that read and wrote most, without VMs; left out where it is not known"),
  storageHealth: storageHealthView
    .optional()
    .describe("health of the host's own storage; left out if nothing was told of it"),
})

const intervalView = z
  .object({ low: z.number(), likely: z.number(), high: z.number() })
  .describe('likely, and an interval that holds the truth in 80 of 100 cases')
const estimateView = intervalView.extend({
  basis: z.enum(['assumed', 'policy', 'controller', 'calibrated', 'learnt']).describe('what it rests on'),
})

const memberView = z.object({
  kind: z.enum(['vm', 'host']).describe('host: what it does by itself, beyond its VMs'),
  id: z.string(),
  name: z.string(),
})

const culpritsView = z
  .object({
    incidentSince: timeMs
      .optional()
      .describe('since when others wait, or it is full or stands still; left out: it is well'),
    suspects: z
      .array(
        z.object({
          members: z.array(memberView).describe('one, or all of a herd that began together'),
          isHerd: z.boolean(),
          inCommon: z.array(z.string()).describe('what a herd shares: host xenhv04, group people'),
          class: z.string().optional(),
          owner: z.string().optional(),
          processes: z.array(z.string()).describe('of a host: those that read and write most'),
          since: timeMs.describe('it does more than usual'),
          confidence: z.enum(['low', 'medium', 'high']),
          blame: z.number().describe('0 to 1, of the blame of all'),
          shareOfInflow: z.number(),
          shareOfRequests: z.number(),
          shareOfWait: z.number().optional().describe('of what others wait longer; left out: nobody times it'),
          writeBytesPerSecond: z.number(),
          readBytesPerSecond: z.number(),
          requestsPerSecond: z.number(),
        }),
      )
      .describe('who does more than usual, the most blamed first'),
    victims: z
      .array(memberView.extend({ times: z.number().optional().describe('how many times as long as usual it waits') }))
      .describe('who waits, the longest first'),
    mostBytes: memberView.optional().describe('whom a sort by bytes would blame'),
  })
  .describe('who makes others wait, by what it costs the array')

/** The write cache of an array as the controller makes it out. What does not apply is left out. */
export const arrayCacheView = z.object({
  box: z.string().describe('entity of its history, kind array_cache: the key, or what the policy joins'),
  state: z.enum(arrayCacheStates),
  since: timeMs,
  fillBytes: intervalView.optional().describe('in the cache, not on the disks yet'),
  capacityBytes: estimateView.optional(),
  drainBytesPerSecond: estimateView.describe('of the load of now'),
  drains: z
    .partialRecord(z.enum(loadClasses), estimateView)
    .describe('bytes a second, of each class of load that was seen or told'),
  loadClass: z.enum(loadClasses),
  inflowBytesPerSecond: z.number().optional(),
  secondsToSaturation: intervalView.optional().describe('at the inflow of now; left out: it does not fill'),
  burst: z
    .object({
      roomBytes: intervalView,
      bulkCopyBytesPerSecond: z.number().describe('of one bulk copy, as it counts here'),
      bulkCopies: z.number().describe('of a minute, that it takes at once'),
      secondsForTwoCopies: intervalView.optional().describe('until two fill it; left out: they do not'),
    })
    .describe('what it takes before it overflows'),
  overflows: z.number().describe('how often it was seen to'),
  observedSeconds: z.number(),
  users: z
    .array(
      z.object({
        kind: z.enum(['vm', 'host']).describe('host: what it does by itself, beyond its VMs'),
        id: z.string(),
        name: z.string(),
        writeBytesPerSecond: z.number(),
        readBytesPerSecond: z.number(),
        requestsPerSecond: z.number(),
      }),
    )
    .describe('who uses it, means of the last seconds, the busiest writers first'),
  culprits: culpritsView,
  remedies: z
    .array(
      z.object({
        action: z.enum(remedyActions),
        of: memberView.optional().describe('who should do less'),
        text: z.string(),
      }),
    )
    .describe(
      'what would help, the gentlest first; limits can be carried out by the alert (`/alerts/{number}/remedies`)',
    ),
  events: z
    .array(
      z.object({
        at: timeMs,
        what: z.enum(arrayEvents),
        value: z.number().optional().describe('bytes, or bytes a second, that were learnt'),
        text: z.string(),
      }),
    )
    .describe('since the controller began, the newest first'),
  metrics: metricsShape.describe('the same as it is stored'),
})

export const arrayView = z.object({
  key: z.string(),
  revision: z.number(),
  name: z.string(),
  kind: z.string(),
  sizeBytes: z.number().optional(),
  writeCache: z
    .enum(['write-back', 'write-through'])
    .optional()
    .describe("what its controller does with writes, by the controller's tool; left out where nothing tells"),
  hosts: z.array(z.string()),
  vms: z.array(z.string()).describe('names of the VMs with a disk on it'),
  metrics: metricsShape,
  cache: arrayCacheView.optional().describe('left out of arrays that are not watched: disks of one host'),
})

const namedHost = z.object({ id: z.string(), name: z.string() })

/** What the controller has granted an agent, and until when it is let in. */
export const agentEnrolmentView = z.object({
  enrolledAt: timeMs,
  anyHost: z.boolean().describe('it may speak for every host that no other agent was granted'),
  grantedHosts: z.array(namedHost).describe('the only hosts that it may speak for; empty with anyHost'),
  refusedHosts: z.array(namedHost).describe('hosts that it names now and may not speak for'),
  certificateEndsAt: timeMs.optional().describe('end of the certificate with which it came last'),
  revokedAt: timeMs.optional(),
})

export const agentView = z.object({
  id: z.string(),
  name: z.string(),
  version: z.string(),
  connected: z.boolean(),
  since: timeMs,
  hosts: z.array(z.string()),
  clockOffsetMs: z.number().optional(),
  spoolReports: z.number(),
  droppedReports: z.number(),
  skippedTicks: z.number(),
  rssBytes: z.number().optional(),
  cpuSeconds: z.number().optional(),
  collectors: z.array(
    z.object({ name: z.string(), durationSeconds: z.number(), success: z.boolean(), error: z.string() }),
  ),
  enrolment: agentEnrolmentView.optional().describe('in the list of agents only'),
})

/** A join token that waits to be used; its secret is not kept. */
export const joinTokenView = z.object({
  id: z.string(),
  expiresAt: timeMs,
  hosts: z
    .array(z.string())
    .describe('names or ids of the only hosts that it is good for; empty: any that no agent has'),
  note: z.string(),
})

/** A new join token, and where the agent finds the controller. */
export const newJoinTokenView = joinTokenView.extend({
  token: z.string().describe('a secret, shown this once'),
  grpcPort: z.number(),
  grpcLoopback: z.boolean().describe('only agents on the same machine reach the controller'),
  advertise: z.string().optional().describe('host:port that the configuration names for agents'),
})

const notRenewedView = z.object({ id: z.string(), name: z.string(), connected: z.boolean() })

/** The certificate authority of the controller. */
export const authorityView = z.object({
  keyHash: z.string(),
  endsAt: timeMs,
  rotation: z
    .object({
      startedAt: timeMs,
      overlapEndsAt: timeMs.describe('when the former authority is dropped at the latest'),
      notRenewed: z.array(notRenewedView).describe('agents that have not come with a certificate of the new authority'),
    })
    .optional()
    .describe('while the former authority is still trusted'),
})

export const finishedRotationView = z.object({
  authority: authorityView,
  leftBehind: z.array(notRenewedView).describe('agents that must join anew'),
})

export const eventView = z.object({
  at: timeMs,
  hostId: z.string(),
  host: z.string(),
  vmUuid: z.string(),
  vmName: z.string(),
  arrayId: z.string().describe('key of the array, or joined:<name>, whose write cache it is about').optional(),
  array: z.string().describe('as it was called then').optional(),
  kind: z.string(),
  reason: z.string(),
  message: z.string(),
})

export const findingView = z.object({
  check: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  subject: z.string().describe('host:<name>, vm:<name>, fleet'),
  message: z.string(),
})

const subjectView = z.object({
  kind: z.enum(['fleet', 'host', 'vm', 'array', 'agent']),
  id: z.string(),
  name: z.string(),
})

/** A finding with a life. */
export const alertView = z.object({
  number: z.number().optional().describe('left out while it pends'),
  phase: z.enum(['pending', 'firing']),
  check: z.string(),
  part: z.string().optional().describe('which of several of one subject: a mount point, a device'),
  severity: z.enum(['info', 'warning', 'critical']),
  subject: subjectView,
  message: z.string().describe('as it was raised last'),
  host: z.string().optional(),
  group: z.string().optional(),
  owners: z.array(z.string()),
  startedAt: timeMs.describe('when it was first seen'),
  firedAt: timeMs.optional(),
  sighting: z
    .enum(['raised', 'kept', 'clear', 'unseen'])
    .describe('what was seen last; unseen: nobody can look, so that it neither fires nor ends'),
  flapping: z.boolean().describe('it comes and goes: it stays until it has been over for long'),
  acknowledged: z.object({ author: z.string(), at: timeMs, note: z.string() }).optional(),
  silencedBy: z.string().optional().describe('id of the silence'),
  wasSilenced: z.boolean().optional().describe('it happened under a silence that has ended: nobody is told of it'),
  explainedBy: z.string().optional().describe('check and subject of the alert that explains it'),
  evidence: z.array(
    z.object({
      entity: z.string().describe('as `series` takes it'),
      field: z.string(),
      value: z.number().optional(),
      limit: z.number().optional(),
    }),
  ),
  related: z.array(z.object({ role: z.enum(['culprit', 'victim', 'partner']), ...subjectView.shape })),
})

/** A line of the history of alerts. */
export const alertHistoryView = z.object({
  seq: z.number(),
  at: timeMs,
  number: z.number(),
  what: z.enum(['fired', 'severity', 'acknowledged', 'silenced', 'heard', 'resolved']),
  check: z.string(),
  part: z.string().optional(),
  severity: z.enum(['info', 'warning', 'critical']).describe('after the change'),
  subject: subjectView,
  message: z.string(),
  detail: z.string(),
  author: z.string().optional(),
})

/** Everything known that bears on one VM. */
export const whyView = z.object({
  at: timeMs,
  uuid: z.string(),
  name: z.string(),
  host: z.string(),
  state: z.string(),
  simulated: z.boolean(),
  reasons: z
    .array(
      z.object({
        topic: z.enum(topics),
        severity: z.enum(['info', 'warning', 'critical']),
        subject: subjectView,
        says: z.string(),
        since: timeMs.optional().describe('when it began or happened'),
        check: z.string().optional(),
        alert: z.number().optional().describe('number of the alert'),
      }),
    )
    .describe('the weightiest first'),
  leftOut: z.number().optional().describe('reasons of little weight that were too many'),
})

export const silenceView = z.object({
  id: z.string(),
  check: z.string().optional().describe('* stands for any characters'),
  subject: z.string().optional().describe('host:…, vm:…, array:…, agent:…, fleet; * stands for any characters'),
  createdAt: timeMs.optional().describe('left out for one of the policy'),
  until: timeMs,
  author: z.string(),
  reason: z.string(),
})

/** A check that a command goes through. */
export const verdictView = z.object({ check: z.string(), ok: z.boolean(), says: z.string() })

const measureView = z.object({
  at: timeMs,
  state: z.enum(arrayCacheStates),
  neighbourWriteMs: z.number().optional().describe('mean time of the writes of all others there'),
  fillBytes: z.number().optional(),
  inflowBytesPerSecond: z.number().optional(),
  ownBytesPerSecond: z.number().optional().describe('of the VM that is limited'),
  ownRequestsPerSecond: z.number().optional(),
})

/** What a limit that an alert proposed was for, and whether it helped. */
export const remedyView = z.object({
  alert: z.number().describe('number of the alert'),
  array: z.string().describe('id of the box'),
  text: z.string(),
  effect: z
    .object({
      outcome: z.enum(outcomes),
      says: z.string(),
      at: timeMs,
      before: measureView.optional().describe('mean of the 10 s before it'),
      after: measureView.optional().describe('mean of the last 10 s of the first 20 s after it'),
    })
    .optional()
    .describe('left out until it is seen, 20 s after the limit'),
})

export const commandView = z.object({
  id: z.string(),
  number: z.number(),
  verb: z.string(),
  args: z.record(z.string(), z.string()),
  vm: z.string(),
  vmUuid: z.string(),
  host: z.string(),
  hostId: z.string(),
  dryRun: z.boolean(),
  actor: z.string(),
  note: z.string().optional().describe('why, in the words of who asked'),
  state: z.enum(commandStates),
  reason: z.string().describe('why it ended so; empty if there is nothing to say'),
  createdAt: timeMs,
  startBefore: timeMs.describe('later it is not begun any more'),
  sentAt: timeMs.optional(),
  begunAt: timeMs.optional(),
  endedAt: timeMs.optional(),
  cancelledBy: z.string().optional(),
  approval: z
    .object({
      rule: z.string().describe('of the policy: `approvals.0`'),
      role: z.enum(roles).describe('the least of who can approve'),
      by: z.string().optional().describe('who approved or rejected it'),
      at: timeMs.optional(),
    })
    .optional()
    .describe('a second person is needed'),
  stepOf: z.string().optional().describe('id of the command of which it is a step'),
  verdicts: z.array(verdictView).describe('of the controller, and those of the agent with its name before them'),
  output: z.string().describe('for who asked for it, and for operators'),
  outputWithheld: z.boolean().optional().describe('it said something that is not for who asks now'),
  progress: z.object({ doneBytes: z.number(), totalBytes: z.number() }).optional().describe('how far it is'),
  remedy: remedyView.optional().describe('of a limit that an alert proposed'),
  bulk: z
    .object({
      arrays: z.array(z.string()).describe('names of what it works on'),
      bytesPerSecond: z.number().optional().describe('what it was told to keep to'),
    })
    .optional()
    .describe('of one that reads or writes much: it waits for its turn'),
})

export const queueView = z.object({
  queue: z
    .array(z.object({ command: commandView, why: z.string().describe('what it waits for') }))
    .describe('the next one first'),
})

/** What an alert proposes and headroom can carry out, each a limit that ends by itself. */
export const proposalView = z.object({
  vm: z.string(),
  vmUuid: z.string(),
  args: z.record(z.string(), z.string()).describe('of the verb `limit`'),
  text: z.string(),
})

/** An alert that fires, or fired, with all that happened to it. */
export const alertDetailView = z.object({
  alert: alertView.optional().describe('left out when it is over'),
  history: z.array(alertHistoryView).describe('newest first'),
  proposals: z.array(proposalView).describe('what can be carried out now, the gentlest first'),
  remedies: z.array(commandView).describe('what was asked for by it, the newest first'),
})

/** Who asks. */
export const sessionView = z.object({
  name: z.string(),
  role: z.enum(roles),
  via: z.enum(['token', 'session']),
  expiresAt: z.number().optional(),
  owner: z
    .string()
    .optional()
    .describe(
      'commands are for the VMs of this owner alone; left out: for those of everybody, as far as the role goes',
    ),
})

/** What could be asked of a VM now. */
export const vmActionView = z.object({
  verb: z.enum(verbNames),
  ok: z.boolean().describe('nothing speaks against it, apart from what its arguments may be'),
  reason: z.string().describe('the first thing that speaks against it; empty if nothing does'),
  approval: z.enum(roles).optional().describe('a second person is needed: the least of who can be that one'),
})

export const userView = z.object({
  name: z.string(),
  role: z.enum(roles),
  createdAt: timeMs,
  changedAt: timeMs.describe('when role or password were changed last'),
})

export const tokenView = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  ofUser: z.boolean().describe('it speaks for the user of its name'),
  scope: z
    .object({
      owner: z.string().optional(),
      vms: z.array(z.string()).optional(),
      verbs: z.array(z.string()).optional(),
    })
    .optional()
    .describe('what its commands are bound to'),
  createdAt: timeMs,
  expiresAt: timeMs.optional(),
  createdBy: z.string().optional(),
  note: z.string().optional(),
})

export const newTokenView = tokenView.extend({ token: z.string().describe('shown this once') })

export const auditEntryView = z.object({
  number: z.number(),
  at: timeMs,
  what: z.record(z.string(), z.unknown()),
  hash: z.string().describe('SHA-256 of the entry and of the hash before it'),
})

export const auditCheckView = z.object({
  entries: z.number().describe('that are kept'),
  head: z.object({ entries: z.number(), hash: z.string() }),
  wrong: z.string().optional().describe('left out: nothing'),
  agents: z.array(
    z.object({ agentId: z.string(), agent: z.string(), entries: z.number(), wrong: z.string().optional() }),
  ),
})

/** Where the alerts of a route are sent. */
export const alertRouteView = z.object({
  name: z.string(),
  targets: z.array(
    z.object({
      kind: z.enum(['alertmanager', 'webhook', 'email']),
      to: z.string(),
      waiting: z.number().describe('messages that wait to be sent'),
      lastSentAt: timeMs.optional().describe('since the start of the controller'),
      problem: z.string().describe('why it could not be sent last; empty if it could'),
    }),
  ),
})

export const routeTestView = z.object({
  results: z.array(
    z.object({
      kind: z.enum(['alertmanager', 'webhook', 'email']),
      to: z.string(),
      ok: z.boolean(),
      reason: z.string().describe('why it failed; or what is to be known though it did not'),
    }),
  ),
})

export const capacityView = z.object({
  at: timeMs,
  vmMemoryBytes: z.number(),
  hosts: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(hostKinds),
      status: z.enum(['up', 'unreachable', 'silent']),
      ...ledgerView.shape,
      /** What must find a place elsewhere if this host fails, and what is free on equal hypervisors. */
      failure: z.object({
        neededBytes: z.number(),
        freeBytes: z.number(),
        fits: z.boolean(),
        restartable: z
          .object({ neededBytes: z.number(), fits: z.boolean() })
          .describe('the same for VMs without a disk on storage of this host alone'),
        lost: z
          .object({ bytes: z.number(), vms: z.array(z.string()) })
          .describe('VMs that cannot start elsewhere until its local disks are moved, the largest first'),
      }),
    }),
  ),
  fleet: z.object({
    room: z.number().describe('sum of the rooms'),
    survivesHostFailure: z
      .boolean()
      .describe('for every single host all its VMs, those on local disks included, fit on equal hypervisors'),
  }),
  findings: z.array(findingView),
})

export const fleetView = z.object({
  at: timeMs,
  revision: z.number(),
  version: z.string(),
  simulated: z.boolean().describe('at least one host is simulated'),
  hosts: z.object({ total: z.number(), up: z.number() }),
  vms: z.object({ total: z.number(), running: z.number() }),
  memoryBytes: z.number().optional().describe('of all hosts whose memory is known; left out while there is none'),
  configuredBytes: z.number(),
  room: z.number(),
  survivesHostFailure: z.boolean(),
  agents: z.object({ total: z.number(), connected: z.number() }),
  store: z.object({
    ok: z.boolean(),
    problem: z.string(),
    sizeBytes: z.number(),
    queue: z
      .object({
        waitingPoints: z.number().describe('that the server has not taken yet'),
        bytes: z.number(),
        oldestMs: timeMs.nullable().describe('when the oldest that waits was written'),
        droppedPoints: z
          .number()
          .describe('given up since the start of the controller: the queue was full, or they too old'),
        refusedPoints: z.number().describe('that the server will never take'),
      })
      .optional()
      .describe('in front of a store that is a server'),
  }),
  policy: z.object({
    version: z.number().optional().describe('left out without a policy file'),
    problem: z.string().optional().describe('why the file is not what is in force'),
  }),
  findings: z.array(findingView).describe('what checks say, the worst first'),
  findingsLeftOut: z.number().optional().describe('how many more there are'),
})

export const policyVersionView = z.object({
  number: z.number().describe('counts up from 1'),
  at: timeMs.describe('when it came into force'),
  hash: z.string().describe('SHA-256 of its text'),
  file: z.string(),
  linkTarget: z.string().optional().describe('what the file was a link to'),
  modifiedAt: timeMs.describe('when the file was written'),
  author: z.string().describe('user whose file it was'),
  occasion: z.enum(['start', 'change']).describe('found at the start of the controller, or while it ran'),
})

export const policyTextView = policyVersionView.extend({ text: z.string() })

export const configProblemView = z.object({
  key: z.string().describe('such as hosts.0.role; empty for the file as a whole'),
  line: z.number().optional(),
  expected: z.string(),
  got: z.string(),
})

export const policyView = z.object({
  file: z.string().optional().describe('left out if the configuration names none'),
  version: policyVersionView.optional(),
  problem: z
    .object({ since: timeMs, message: z.string(), problems: z.array(configProblemView) })
    .optional()
    .describe('why the file as it is now is not what is in force'),
  effective: z
    .record(z.string(), z.unknown())
    .describe('what is in force, defaults included, in the form of a policy file'),
})

export const policyNoteView = z.object({
  kind: z.enum(['contradiction', 'shadowed', 'unmatched', 'unused', 'overruled']),
  key: z.string().describe('of the rule, such as groups.0'),
  line: z.number().optional(),
  message: z.string(),
})

/** What a policy would do if it were in force. */
export const policyCheckView = z.object({
  problems: z.array(configProblemView).describe('why it would be refused; the rest is empty then'),
  notes: z.array(policyNoteView).describe('what is allowed and probably not meant'),
  findings: z.array(findingView.extend({ isNew: z.boolean().describe('not found by the policy in force') })),
  findingsLeftOut: z.number().optional().describe('how many more there are'),
  ends: z.array(findingView).describe('found by the policy in force, and no more'),
  excepted: z.array(findingView.extend({ reason: z.string(), key: z.string(), line: z.number().optional() })),
})

export const seriesView = z.object({
  entity: z.string(),
  fields: z.array(z.string()),
  stepMs: z.number(),
  rows: z.array(z.array(z.number().nullable())).describe('each row: time in ms, then one value or null for each field'),
})

/** When something that is there will not be enough. */
export const demandForecastView = z.object({
  resource: z.enum(['memory', 'cpu', 'space', 'write-rate']),
  name: z.string().describe('of whom: fleet, a host, a pool, an array'),
  unit: z.enum(['bytes', 'cores', 'bytes/s']),
  limit: z.number().optional().describe('in that unit; left out if it is not known'),
  limitIs: z.string().describe('what the limit is, or why it is not known'),
  knownDays: z.number().describe('days that are over of which a figure is known'),
  neededDays: z.number().optional().describe('nothing is told: so many days have to be known'),
  latest: z.number().optional().describe('highest figure of the last day known'),
  p50At: timeMs.optional().describe('the limit is as likely reached before as after; left out if it is not reached'),
  p90At: timeMs.optional().describe('one chance in ten that the limit is reached before'),
  toldUntil: timeMs.optional(),
  shifts: z.array(z.object({ at: timeMs, size: z.number() })).describe('where the level jumped, and by how much'),
  backtest: z
    .object({
      days: z.number().describe('ahead, at most'),
      meanAbsoluteError: z.number(),
      naiveMeanAbsoluteError: z.number().describe('of "as it was a week before"'),
    })
    .optional()
    .describe('how the same method did on the past of this figure, in its unit'),
  history: z.array(z.tuple([timeMs, z.number()])).describe('start of a day, highest figure of it'),
  told: z
    .array(z.tuple([timeMs, z.number(), z.number(), z.number()]))
    .describe('start of a day, and what one in ten, one in two and nine in ten stay below'),
})

export const capacityForecastView = z.object({
  at: timeMs,
  days: z.number(),
  forecasts: z.array(demandForecastView),
})

/** The one backup of the time series that there may be. */
export const backupView = z.object({
  state: z.enum(['none', 'running', 'ready', 'failed']),
  rows: z.number().describe('copied so far').optional(),
  ofRows: z.number().describe('about how many there are').optional(),
  at: timeMs.describe('when it was finished').optional(),
  bytes: z.number().optional(),
  reason: z.string().describe('why it failed').optional(),
})

export const topView = z.object({
  by: z.string(),
  at: timeMs,
  rows: z.array(z.object({ uuid: z.string(), name: z.string(), host: z.string(), value: z.number() })),
})

/** Data of a server-sent event `change`: all entities that changed since the event id that the client has. */
export const changeView = z.object({
  revision: z.number(),
  at: timeMs,
  hosts: z.array(hostView),
  vms: z.array(vmView),
  arrays: z.array(arrayView),
  agents: z.array(agentView),
  alerts: z.array(alertView).describe('those that fire'),
  removedHosts: z.array(z.string()),
  removedVms: z.array(z.string()),
  removedArrays: z.array(z.string()),
  removedAlerts: z.array(z.number()).describe('numbers of alerts that are over'),
  /** True: forget what you had; this is everything. */
  reset: z.boolean(),
})

export const errorView = z.object({
  code: z.string(),
  message: z.string(),
  field: z.string().optional(),
  expected: z.string().optional(),
  got: z.string().optional(),
})

export type GapView = z.infer<typeof gapView>
export type DiskView = z.infer<typeof diskView>
export type NicView = z.infer<typeof nicView>
export type VmView = z.infer<typeof vmView>
export type HostView = z.infer<typeof hostView>
export type ArrayView = z.infer<typeof arrayView>
export type ArrayCacheView = z.infer<typeof arrayCacheView>
export type AgentView = z.infer<typeof agentView>
export type AgentEnrolmentView = z.infer<typeof agentEnrolmentView>
export type JoinTokenView = z.infer<typeof joinTokenView>
export type NewJoinTokenView = z.infer<typeof newJoinTokenView>
export type AuthorityView = z.infer<typeof authorityView>
export type FinishedRotationView = z.infer<typeof finishedRotationView>
export type EventView = z.infer<typeof eventView>
export type FindingView = z.infer<typeof findingView>
export type AlertView = z.infer<typeof alertView>
export type AlertHistoryView = z.infer<typeof alertHistoryView>
export type AlertDetailView = z.infer<typeof alertDetailView>
export type ProposalView = z.infer<typeof proposalView>
export type QueueView = z.infer<typeof queueView>
export type RemedyView = z.infer<typeof remedyView>
export type WhyView = z.infer<typeof whyView>
export type SilenceView = z.infer<typeof silenceView>
export type AlertRouteView = z.infer<typeof alertRouteView>
export type RouteTestView = z.infer<typeof routeTestView>
export type LedgerView = z.infer<typeof ledgerView>
export type CapacityView = z.infer<typeof capacityView>
export type FleetView = z.infer<typeof fleetView>
export type PolicyVersionView = z.infer<typeof policyVersionView>
export type PolicyTextView = z.infer<typeof policyTextView>
export type ConfigProblemView = z.infer<typeof configProblemView>
export type PolicyView = z.infer<typeof policyView>
export type PolicyNoteView = z.infer<typeof policyNoteView>
export type PolicyCheckView = z.infer<typeof policyCheckView>
export type SeriesView = z.infer<typeof seriesView>
export type DemandForecastView = z.infer<typeof demandForecastView>
export type CapacityForecastView = z.infer<typeof capacityForecastView>
export type BackupView = z.infer<typeof backupView>
export type TopView = z.infer<typeof topView>
export type ChangeView = z.infer<typeof changeView>
export type ErrorView = z.infer<typeof errorView>
export type SessionView = z.infer<typeof sessionView>
export type VmActionView = z.infer<typeof vmActionView>
export type CommandView = z.infer<typeof commandView>
export type UserView = z.infer<typeof userView>
export type TokenView = z.infer<typeof tokenView>
export type NewTokenView = z.infer<typeof newTokenView>
export type AuditEntryView = z.infer<typeof auditEntryView>
export type AuditCheckView = z.infer<typeof auditCheckView>
