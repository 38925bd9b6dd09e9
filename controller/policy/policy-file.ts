import { z } from 'zod'

import { parseConfig, loadConfig, size } from '../../common/config.js'
import { GiB } from '../../common/units.js'
import type { Policy } from '../model/policy.js'

const bytes = size.refine((value) => value <= Number.MAX_SAFE_INTEGER, 'a size that a machine can have')
const pattern = z
  .string()
  .min(1, 'a name in which * stands for any characters')
  .max(300)
  .describe('* stands for any characters')
const name = z.string().min(1, 'a name').max(100)

/** `policy.yaml`: the fleet's rules. Every key may be left out. */
const policyFileSchema = z.strictObject({
  limits: z
    .strictObject({
      vmMemory: bytes.refine((value) => value > 0, 'a size above 0').default(GiB),
      hostReserve: bytes.default(2 * GiB),
    })
    .prefault({}),
  hosts: z
    .array(z.strictObject({ match: pattern, role: name.optional(), reserve: bytes.optional() }))
    .max(10_000)
    .default([]),
  arrays: z
    .array(z.strictObject({ match: pattern, name }))
    .max(10_000)
    .default([]),
})

function toPolicy(file: z.output<typeof policyFileSchema>): Policy {
  return {
    limits: { vmMemoryBytes: file.limits.vmMemory, hostReserveBytes: file.limits.hostReserve },
    hosts: file.hosts.map(({ match, role, reserve }) => ({ match, role, reserveBytes: reserve })),
    arrays: file.arrays,
  }
}

/**
 * The rules in the text of a `policy.yaml`; an empty text means the defaults.
 * @throws ConfigError naming every problem
 */
export function parsePolicy(text: string, file: string): Policy {
  return toPolicy(parseConfig(text, policyFileSchema, file))
}

/**
 * Reads a `policy.yaml`. A missing one means the defaults unless `required`.
 * @throws ConfigError naming every problem
 */
export function loadPolicy(file: string, options: { required?: boolean } = {}): Policy {
  return toPolicy(loadConfig(file, policyFileSchema, options))
}

/** What holds without a policy file: VMs of 1 GiB, 2 GiB of each host for its hypervisor. */
export const defaultPolicy: Policy = toPolicy(policyFileSchema.parse({}))
