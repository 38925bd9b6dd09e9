import { z } from 'zod'

import { duration, size } from '../common/config.js'
import { logLevels } from '../common/log.js'

/** Where the controller is unless an agent is told otherwise. */
export const defaultController = '127.0.0.1:8421'

const libvirt = z.strictObject({
  kind: z.literal('libvirt'),
  uri: z.literal('qemu:///system').default('qemu:///system'),
  /** Socket to read from; the read-only one is enough. Found by itself if absent. */
  socket: z.string().min(1).optional(),
})

const simulated = z.strictObject({
  kind: z.literal('simulated'),
  /** Fleet file in the form of deploy/fleets/elab.yaml. */
  fleet: z.string().min(1),
  seed: z.int().min(0).default(1),
  /** Simulated seconds in one second. */
  speed: z.number().positive().max(1000).default(1),
})

/** `agent.yaml`. Every value has a default; unknown keys are errors. */
export const agentConfigSchema = z.strictObject({
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
    .array(z.discriminatedUnion('kind', [libvirt, simulated]))
    .min(1)
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

export type AgentConfig = z.output<typeof agentConfigSchema>

/** Where this agent's controller is: what the configuration names or, where that is the default, the one that was joined. */
export function controllerAddress(
  { controllers: [configured] }: Pick<AgentConfig, 'controllers'>,
  joined: { readonly controller?: string | undefined },
): string {
  const address = configured?.address ?? defaultController
  return address === defaultController ? (joined.controller ?? address) : address
}
