import { z } from 'zod'

import { duration, size } from '../common/config.js'
import { logLevels } from '../common/log.js'
import { defaultController } from './controller-address.js'

const libvirt = z.strictObject({
  kind: z.literal('libvirt'),
  uri: z.enum(['qemu:///system', 'xen:///system']).default('qemu:///system'),
  /** Socket to read from; the read-only one is enough. Found by itself if absent. */
  socket: z.string().min(1).optional(),
})

/** Xen by the text of its own tools, where libvirt is too old or not there: run in dom0, as root. */
const xenTools = z.strictObject({
  kind: z.literal('xen-tools'),
  /** xl or xm; /usr/sbin/xl, else /usr/sbin/xm, if absent. */
  program: z.string().startsWith('/', 'an absolute path').optional(),
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
    .array(z.discriminatedUnion('kind', [libvirt, xenTools, simulated, esxi]))
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
