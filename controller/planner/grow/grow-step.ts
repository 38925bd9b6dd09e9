import { z } from 'zod'

const name = z.string().min(1).max(200)
const bytes = z.number().min(0)
const hours = z.number().min(0)

/** One step of growing. Those of `move` are commands; the others a person does. Hours are how long it takes; VMs of a live move do not stop. */
const growStepSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('install-host'),
    name,
    memoryBytes: bytes,
    cores: z.number(),
    role: name,
    like: name,
    hours,
  }),
  z.strictObject({
    kind: z.literal('move'),
    vm: name,
    from: name,
    to: name,
    how: z.enum(['live', 'cold-copy']),
    hours,
    /** It is beside VMs of another class for a while. */
    mixes: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('disk-swap'), from: name, to: name, vms: z.array(name), disks: z.number(), hours }),
  z.strictObject({ kind: z.literal('host-down'), host: name, waits: z.array(name), hours }),
  z.strictObject({ kind: z.literal('add-memory'), host: name, bytes, hours }),
  z.strictObject({ kind: z.literal('host-up'), host: name, hours }),
])

export type GrowStep = z.output<typeof growStepSchema>

/** A plan that is kept in a file between its steps. */
export const growPlanSchema = z.strictObject({
  version: z.literal(1),
  done: z.int().min(0),
  steps: z.array(growStepSchema).max(100_000),
})
export type GrowPlan = z.output<typeof growPlanSchema>

export function stepText(step: GrowStep): string {
  switch (step.kind) {
    case 'install-host':
      return `put in ${step.name}, like ${step.like}, for ${step.role}`
    case 'move':
      return `${step.vm}: ${step.from} → ${step.to}, ${step.how === 'live' ? 'live' : 'copied while it is off'}`
    case 'disk-swap':
      return `${step.disks === 1 ? 'the data disk' : `${step.disks} data disks`} of ${step.from} into ${step.to}, with ${step.vms.join(', ')}`
    case 'host-down':
      return `shut down ${step.host}${step.waits.length === 0 ? '' : `; ${step.waits.join(', ')} wait`}`
    case 'add-memory':
      return `memory into ${step.host}`
    case 'host-up':
      return `start ${step.host}`
  }
}
