import { z } from 'zod'

import { minuteOf, weekdays } from '../../common/allow-rules.js'
import { duration, share } from '../../common/config.js'
import type { AutomaticRule, MoveRules } from '../model/policy.js'
import { distinct, mostInList, mostRules, pattern, patterns } from './policy-text-schema.js'

/** The part of `policy.yaml` that says how VMs are moved. */

const between = z
  .string()
  .regex(/^\d\d:\d\d-\d\d:\d\d$/, 'times such as 22:00-06:00')
  .refine((text) => text.split('-').every((one) => minuteOf(one) !== undefined), 'times such as 22:00-06:00')

const automatic = z
  .strictObject({
    vms: patterns,
    between,
    days: z.array(z.enum(weekdays)).min(1).optional(),
  })
  .transform(({ vms, between: text, days }): AutomaticRule => {
    const [fromMinute = 0, toMinute = 0] = text.split('-').map((one) => minuteOf(one) ?? 0)
    return { vms, window: { fromMinute, toMinute, days: days ?? [...weekdays] } }
  })

const together = distinct(z.array(pattern).max(mostInList)).refine(
  ([first = '', second]) => second !== undefined || first.includes('*'),
  'at least 2 entries, or one with *',
)

const count = (most: number): z.ZodNumber => z.int().min(1).max(most)
const cooling = duration.refine((ms) => ms >= 60_000 && ms <= 30 * 86_400_000, 'a duration from 1m to 30d')

export const movesSchema = z
  .strictObject({
    pin: patterns.optional(),
    together: z.array(together).max(mostRules).default([]),
    minGain: share.default(0.05),
    hold: count(100).default(3),
    coolDown: cooling.default(3_600_000),
    mostPerPlan: count(10_000).default(50),
    mostPerHost: count(1000).default(10),
    mostPerArray: count(1000).default(50),
    automatic: z.array(automatic).max(mostRules).default([]),
  })
  .prefault({})
  .transform(({ pin = [], coolDown, hold, ...rest }): MoveRules => ({
    ...rest,
    pin,
    holdRounds: hold,
    coolDownMs: coolDown,
  }))
