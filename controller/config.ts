import { z } from 'zod'

import { duration, size } from '../common/config.js'
import { logLevels } from '../common/log.js'
import { isNetwork } from '../common/peer-address.js'
import { formatDuration } from '../common/units.js'
import { defaultHttpLimits } from './api/connection-guard.js'
import { defaultHubLimits } from './api/stream-hub.js'
import { defaultAgentLimits } from './ingest/agent-quotas.js'
import { defaultConnectionLimits } from './ingest/connection-limits.js'
import { storeConfigSchema } from './store/store-config.js'

/** A beat: short enough to say something of now, long enough not to be the load itself. */
function beat(leastMs: number, mostMs: number, initial: string): z.ZodPrefault<typeof duration> {
  const message = `a duration from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}`
  return duration.refine((ms) => ms >= leastMs && ms <= mostMs, { message }).prefault(initial)
}

const port = z.int().min(0).max(65_535)

/** A number of something, at least one. */
function count(initial: number): z.ZodDefault<z.ZodInt> {
  return z.int().min(1).max(1_000_000_000).default(initial)
}

/** `controller.yaml`. Every value has a default; unknown keys are errors. */
export const controllerConfigSchema = z.strictObject({
  /** Directory of all state. */
  data: z.string().min(1).default('./data'),
  /** Page and API. Only loopback unless configured otherwise. */
  http: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: port.default(8420),
      /** How people reach the page: where links in messages about alerts lead. */
      publicUrl: z
        .url({ protocol: /^https?$/, error: 'an address such as https://headroom.example.org' })
        .transform((url) => url.replace(/\/+$/, ''))
        .optional(),
      /** Proxies whose word counts of where a request comes from, and whether it came by https: addresses, or networks of them. */
      trustProxy: z
        .array(z.string().refine(isNetwork, 'an address such as 127.0.0.1, or a network such as 10.0.0.0/8'))
        .max(64)
        .default([]),
      limits: z
        .strictObject({
          connections: count(defaultHttpLimits.connections),
          /** Of one address other than this machine's own. */
          connectionsPerAddress: count(defaultHttpLimits.connectionsPerAddress),
          /** Event streams, in all and of one caller. */
          streams: count(defaultHubLimits.streams),
          streamsPerCaller: count(defaultHubLimits.streamsPerCaller),
        })
        .prefault({}),
    })
    .prefault({}),
  /** Where agents connect. */
  grpc: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: port.default(8421),
      /** How machines elsewhere reach it: printed in the command that joins an agent. */
      advertise: z
        .string()
        .regex(/^[^\s/]+:\d{1,5}$/, 'host:port')
        .optional(),
      /** What others may take of this controller, friends and strangers. */
      limits: z
        .strictObject({
          /** Connections of agents. */
          connections: count(defaultConnectionLimits.agents),
          /** Connections without a certificate of this controller: handshakes, enrolments, whoever else. */
          strangers: count(defaultConnectionLimits.strangers),
          strangersPerAddress: count(defaultConnectionLimits.strangersPerAddress),
          /** New connections a second. */
          newPerSecond: count(defaultConnectionLimits.newPerSecond),
          newPerSecondPerAddress: count(defaultConnectionLimits.newPerSecondPerAddress),
          /** Of one agent. */
          reportsPerSecond: count(defaultAgentLimits.reportsPerSecond),
          bytesPerSecond: size.prefault('1MiB').refine((bytes) => bytes >= 64 * 1024, { message: 'at least 64KiB' }),
          /** VMs, disks, interfaces, arrays and file systems of one agent, and new ones of them an hour. */
          entities: count(defaultAgentLimits.entities),
          newEntitiesPerHour: count(defaultAgentLimits.newEntitiesPerHour),
        })
        .prefault({}),
    })
    .prefault({}),
  /** Where time series are kept. */
  store: storeConfigSchema,
  /** How long points are kept, and their roll-ups of five minutes and of an hour. */
  retention: z
    .strictObject({
      raw: duration.prefault('3d'),
      fiveMinutes: duration.prefault('180d'),
      hours: duration.prefault('5y'),
    })
    .refine(({ raw, fiveMinutes, hours }) => raw <= fiveMinutes && fiveMinutes <= hours, {
      message: 'raw at most as long as fiveMinutes, and that at most as long as hours',
    })
    .prefault({}),
  auth: z
    .strictObject({
      /** Write a join token for the agent on this machine to `controller/local-join-token` in the data directory. */
      localAgent: z.boolean().default(true),
      /** How long after its end an agent's certificate may still renew, for machines that were off for months. */
      renewExpiredWithin: duration.prefault('180d'),
      /** How long the former certificate authority stays trusted after a rotation, unless that is finished earlier. */
      caOverlap: duration.prefault('180d'),
    })
    .prefault({}),
  /** How often agents measure. */
  intervals: z
    .strictObject({
      state: beat(1000, 300_000, '10s'),
      fast: beat(500, 60_000, '1s'),
      block: beat(500, 300_000, '10s'),
      guestMemory: beat(1000, 600_000, '30s'),
      inventory: beat(1000, 3_600_000, '60s'),
    })
    .prefault({}),
  /** The server that takes mail about alerts. */
  mail: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: z.int().min(1).max(65_535).default(25),
      security: z.enum(['none', 'starttls', 'tls']).default('none'),
      /** Address of the sender. */
      from: z.string().regex(/^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,255}$/, 'an address such as headroom@example.org'),
      user: z.string().min(1).optional(),
      passwordFile: z.string().min(1).optional(),
    })
    .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
      path: ['passwordFile'],
      message: 'user and passwordFile together, or neither',
    })
    .optional(),
  policyFile: z.string().min(1).optional(),
  log: z.strictObject({ level: z.enum(logLevels).default('info') }).prefault({}),
})

export type ControllerConfig = z.output<typeof controllerConfigSchema>
