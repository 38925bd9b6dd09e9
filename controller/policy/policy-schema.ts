import { z } from 'zod'

import { duration, rate, share, size } from '../../common/config.js'
import { GiB } from '../../common/units.js'
import { checkTable, type CheckName, type CheckSetting } from '../model/check-table.js'
import { hostRoles, vmClasses } from '../model/policy.js'
import { approvalsSchema } from './approval-schema.js'
import { movesSchema } from './moves-schema.js'
import { heartbeatSchema, routesSchema, silencesSchema } from './alert-schema.js'
import { inUnit } from './setting-unit.js'
import { distinct, mostInList, mostRules, name, named, pattern, patterns, words } from './policy-text-schema.js'

/** How `policy.yaml` is written. Every key may be left out; what can never be right is refused here, what is only odd is told by `policy check`. */

const bytes = size.refine((value) => value <= Number.MAX_SAFE_INTEGER, 'a size that a machine can have')
const someBytes = bytes.refine((value) => value > 0, 'a size above 0')

/** `{vm}` stands for the VM's name; nothing else in braces stands for anything. */
const owner = words(200).refine(
  (text) => !/[{}]/.test(text.replaceAll('{vm}', '')),
  'a name, in which {vm} stands for that of the VM',
)

const group = z.strictObject({
  name,
  match: patterns.optional(),
  class: z.enum(vmClasses).optional(),
  owner: owner.optional(),
})

const host = z.strictObject({ match: patterns, role: z.enum(hostRoles).optional(), reserve: bytes.optional() })

const array = z.strictObject({
  name,
  match: patterns,
  join: z.boolean().default(false),
  cache: bytes.optional(),
  drain: rate.refine((value) => value > 0, 'a rate above 0').optional(),
  bulkCopy: rate.refine((value) => value > 0, 'a rate above 0').optional(),
})

const service = z.strictObject({ name, members: patterns.optional() })

const apart = distinct(z.array(pattern).max(mostInList)).refine(
  ([first = '', second]) => second !== undefined || first.includes('*'),
  'at least 2 entries, or one with *',
)

const exception = z
  .strictObject({
    vm: pattern.optional(),
    host: pattern.optional(),
    rule: z.enum(checkNames()),
    reason: words(500),
  })
  .refine(({ vm, host }) => (vm === undefined) !== (host === undefined), 'either vm or host')

const settingSchemas = { share, size: bytes, rate, duration, number: z.number().min(0).max(1e15) } satisfies Record<
  CheckSetting['unit'],
  z.ZodType<number>
>

function setting({ unit, initial, least = 0 }: CheckSetting): z.ZodType<number> {
  const schema: z.ZodType<number> = settingSchemas[unit]
  return schema.refine((value) => value >= least, `at least ${inUnit(least, unit)}`).default(initial)
}

function threshold(check: CheckName): z.ZodType<Readonly<Record<string, unknown>>> {
  const row: { readonly raiseAfterMs: number; readonly clearAfterMs: number } = checkTable[check]
  const settings = settingsOf(check)
  const held = duration.refine((ms) => ms <= mostHeldMs, 'at most 7d')
  return z
    .strictObject({
      severity: z.enum(['info', 'warning', 'critical']).optional(),
      raiseAfter: held.default(row.raiseAfterMs),
      clearAfter: held.default(row.clearAfterMs),
      ...Object.fromEntries(Object.entries(settings).map(([key, one]) => [key, setting(one)])),
    })
    .superRefine((values, context) => {
      for (const [key, { unit, initial, notAbove = key }] of Object.entries(settings)) {
        const [value, most]: unknown[] = [Reflect.get(values, key), Reflect.get(values, notAbove)]
        if (typeof value !== 'number' || typeof most !== 'number' || value <= most) continue
        const unsaid = value === initial ? `; left out it is ${inUnit(initial, unit)}` : ''
        const message = `at most ${inUnit(most, unit)}, as ${notAbove} is${unsaid}`
        context.addIssue({ code: 'custom', path: [key], message })
      }
    })
    .prefault({})
}

const mostHeldMs = 7 * 86_400_000

export function settingsOf(check: CheckName): Readonly<Record<string, CheckSetting>> {
  const row = checkTable[check]
  return 'settings' in row ? row.settings : {}
}

export function checkNames(): CheckName[] {
  return Object.keys(checkTable).filter((name): name is CheckName => name in checkTable)
}

export const policyFileSchema = z.strictObject({
  limits: z
    .strictObject({
      vmMemory: someBytes.default(GiB),
      hostReserve: bytes.default(2 * GiB),
      classMemory: z.strictObject({ core: someBytes.optional(), personal: someBytes.optional() }).prefault({}),
      vcpusPerCore: z.number().positive().max(10_000).optional(),
    })
    .prefault({}),
  hosts: z.array(host).max(mostRules).default([]),
  groups: named(group),
  services: named(service),
  apart: z.array(apart).max(mostRules).default([]),
  arrays: named(array),
  exceptions: z.array(exception).max(mostRules).default([]),
  thresholds: z.strictObject(Object.fromEntries(checkNames().map((check) => [check, threshold(check)]))).prefault({}),
  routes: routesSchema,
  silences: silencesSchema,
  heartbeat: heartbeatSchema,
  approvals: approvalsSchema,
  moves: movesSchema,
})

export type PolicyFileValue = z.output<typeof policyFileSchema>
