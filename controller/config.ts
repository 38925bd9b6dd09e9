import { z } from 'zod'

import { duration, size } from '../common/config.js'
import { logLevels } from '../common/log.js'

const port = z.int().min(0).max(65_535)

/** `controller.yaml`. Every value has a default; unknown keys are errors. */
export const controllerConfigSchema = z.strictObject({
  /** Directory of all state. */
  data: z.string().min(1).default('./data'),
  /** Page and API. Only loopback unless configured otherwise. */
  http: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: port.default(8420),
    })
    .prefault({}),
  /** Where agents connect. */
  grpc: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: port.default(8421),
    })
    .prefault({}),
  /** Where time series are kept. */
  store: z
    .strictObject({
      kind: z.enum(['embedded']).default('embedded'),
      maxSize: size.prefault('4GiB'),
    })
    .prefault({}),
  retention: z.strictObject({ raw: duration.prefault('3d') }).prefault({}),
  auth: z
    .strictObject({
      /** Write a join token for the agent on this machine to `controller/local-join-token` in the data directory. */
      localAgent: z.boolean().default(true),
    })
    .prefault({}),
  /** How often agents measure. */
  intervals: z
    .strictObject({
      state: duration.prefault('10s'),
      fast: duration.prefault('1s'),
      block: duration.prefault('10s'),
      guestMemory: duration.prefault('30s'),
      inventory: duration.prefault('60s'),
    })
    .prefault({}),
  policyFile: z.string().min(1).optional(),
  log: z.strictObject({ level: z.enum(logLevels).default('info') }).prefault({}),
})

export type ControllerConfig = z.output<typeof controllerConfigSchema>
