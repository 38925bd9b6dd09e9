import { z } from 'zod'

/** What the HTTP API says of plans. Memory and disks are bytes, times milliseconds. */

const span = z.object({ leastMs: z.number(), mostMs: z.number() })

const fill = z.object({
  host: z.string(),
  memoryBytes: z.number().describe('what its VMs may grow to'),
  memoryMostBytes: z.number().describe('what its VMs may take together without its reserve; 0: not known'),
  cores: z.number().optional().describe('used in the busiest part of the week; left out where CPU does not count'),
  coresMost: z.number().optional(),
  vms: z.number(),
})

const beforeAfter = z.object({ before: fill, after: fill })
const refusal = z.object({ host: z.string(), rule: z.string(), reason: z.string() })
const ruleView = z.object({ rule: z.string(), what: z.string() })

export const plannedMoveView = z.object({
  vmUuid: z.string().describe('empty: a VM that is not there yet'),
  vm: z.string(),
  fromHostId: z.string(),
  from: z.string(),
  toHostId: z.string(),
  to: z.string(),
  kind: z.enum(['live', 'live-storage-copy', 'cold-copy', 'cold-restart', 'disk-swap']),
  by: z.enum(['command', 'person']).describe('command: headroom can do it itself'),
  note: z.string().describe('what a person does; empty if there is nothing'),
  reason: z.string(),
  gain: z.number().describe('of score, its cost not taken off'),
  cost: z.number(),
  times: z.object({ duration: span, downtime: span, basis: z.enum(['assumed', 'measured']) }),
  memoryBytes: z.number(),
  diskBytes: z.number().describe('to be copied'),
  source: beforeAfter,
  target: beforeAfter,
  runnerUp: z.union([z.object({ host: z.string(), worseBy: z.number() }), z.object({ none: z.string() })]),
})

export const planView = z.object({
  kind: z.enum(['rebalance', 'drain', 'return', 'place']),
  subject: z.string(),
  at: z.number().describe('milliseconds since the epoch'),
  complete: z.boolean().describe('everything that was asked for is in it'),
  says: z.string(),
  scoreBefore: z.number().describe('how uneven hosts are, and what rules find: lower is better'),
  scoreAfter: z.number(),
  moves: z.array(plannedMoveView).describe('in order: each may be done when its turn comes'),
  hosts: z.array(beforeAfter),
  findings: z
    .array(
      z.object({
        check: z.string(),
        severity: z.string(),
        subject: z.string(),
        message: z.string(),
        fate: z.enum(['mended', 'stays', 'new']),
        why: z.string(),
      }),
    )
    .describe('what checks find now, and what becomes of it'),
  cannot: z
    .array(z.object({ vm: z.string(), on: z.string(), why: z.array(refusal) }))
    .describe('VMs that would help, or have to go, and why they cannot, by host'),
  copies: z
    .array(z.object({ vm: z.string(), diskBytes: z.number(), duration: span }))
    .describe('of a host that is emptied: VMs that have to be off while their disks are copied'),
  conflict: z.array(ruleView).describe('a smallest set of rules that keep it from being done'),
  capped: z.boolean().describe('a cap of the policy cut it'),
  basis: z.object({
    history: z.number().describe('VMs whose load is known from weeks'),
    sample: z.number().describe('from the last sample alone'),
    none: z.number(),
    countsCpu: z.boolean(),
  }),
})

const observed = z.object({
  durationMs: z.number(),
  sourceMemoryBytes: z.number().optional(),
  targetMemoryBytes: z.number().optional(),
  hit: z.boolean().describe('no longer than twice what was foretold at most, and memory as foretold'),
})

export const keptPlanView = z.object({
  number: z.number(),
  kind: z.enum(['rebalance', 'drain', 'return', 'place']),
  subject: z.string(),
  says: z.string(),
  createdAt: z.number(),
  createdBy: z.string(),
  state: z.enum(['proposed', 'applying', 'stopped', 'done', 'cancelled']),
  reason: z.string().describe('why it stopped'),
  approved: z.object({ name: z.string(), at: z.number() }).optional(),
  automatic: z.boolean().describe('a line of the policy let it go on'),
  endedAt: z.number().optional(),
  moves: z.array(
    plannedMoveView.extend({
      state: z.enum(['waiting', 'moving', 'by-person', 'done']),
      commandNumber: z.number().optional(),
      begunAt: z.number().optional(),
      endedAt: z.number().optional(),
      observed: observed.optional().describe('what came of it, beside what was foretold'),
    }),
  ),
})

export const planDigestView = z.object({
  at: z.number().describe('of the last look; 0: there was none yet'),
  says: z.string().describe('what it found'),
  held: z.number().describe('looks in a row that found the same first move'),
  why: z.string().describe('why nothing of it was done without a person; empty: it was'),
  hits: z.object({ moves: z.number(), rate: z.number() }).describe('share of the last moves that came as foretold'),
  weeks: z.array(
    z.object({
      from: z.number(),
      looks: z.number(),
      withMoves: z.number(),
      moves: z.record(z.string(), z.number()).describe('VM and host, in how many looks'),
    }),
  ),
})

export const failureCardView = z.object({
  host: z.string(),
  at: z.number(),
  says: z.string(),
  restarts: z.array(z.object({ vm: z.string(), to: z.string(), memoryBytes: z.number() })),
  lost: z.array(z.object({ vm: z.string(), memoryBytes: z.number(), diskBytes: z.number(), copy: span })),
  stranded: z.array(z.object({ vm: z.string(), memoryBytes: z.number(), why: z.array(refusal) })),
  copyAll: span,
  bends: z.array(ruleView),
})

export type PlanView = z.infer<typeof planView>
export type PlannedMoveView = z.infer<typeof plannedMoveView>
export type FailureCardView = z.infer<typeof failureCardView>
export type KeptPlanView = z.infer<typeof keptPlanView>
export type PlanDigestView = z.infer<typeof planDigestView>
