import { z } from 'zod'

import { duration } from '../../common/config.js'
import { verbNames } from '../../common/verbs.js'
import type { ApprovalRule } from '../model/policy.js'
import { mostRules, patterns } from './policy-text-schema.js'

/** The part of `policy.yaml` that says which commands a second person has to approve. */

const risks = ['safe', 'disruptive', 'destructive'] as const

const approval = z
  .strictObject({
    verbs: z.array(z.enum(verbNames)).min(1).optional(),
    risk: z.array(z.enum(risks)).min(1).optional(),
    vms: patterns.optional(),
    role: z.enum(['operator', 'admin']).default('operator'),
    within: duration
      .refine((ms) => ms >= 60_000 && ms <= 7 * 86_400_000, 'a duration from 1m to 7d')
      .default(3_600_000),
  })
  .transform(({ verbs, risk, vms, role, within }): ApprovalRule => {
    return { verbs, risks: risk, vms, role, withinMs: within }
  })

export const approvalsSchema = z.array(approval).max(mostRules).default([])
