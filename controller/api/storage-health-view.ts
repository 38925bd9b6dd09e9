import { z } from 'zod'

const timeMs = z.number().describe('milliseconds since the epoch')
const count = z.number().optional()
const fraction = z.number().optional().describe('0 to 1')

/** Health of a host's own storage. What is not known is left out. */
export const storageHealthView = z.object({
  sources: z.array(
    z.object({
      name: z.enum(['md', 'raid-controller', 'smart', 'lvm']),
      state: z
        .enum(['read', 'not-here', 'failed'])
        .describe('failed: it should have been read; what is told of it is what was read before'),
      reason: z.string(),
      readAt: timeMs.optional(),
    }),
  ),
  mdArrays: z.array(
    z.object({
      device: z.string(),
      level: z.string().describe('raid1, …; container: it only holds the metadata of others; empty: not assembled'),
      state: z.string(),
      devices: count.describe('that it should have; left out for levels without redundancy'),
      inSyncDevices: count,
      members: z.array(z.object({ device: z.string(), state: z.string() })),
      syncAction: z.string().describe('resync, recover, check, repair, reshape; empty: none'),
      syncFraction: fraction,
      syncBytesPerSecond: count,
      syncPending: z.boolean().describe('it waits for its turn'),
      sizeBytes: count,
    }),
  ),
  raidControllers: z.array(
    z.object({
      number: z.number(),
      model: z.string(),
      serial: z.string(),
      status: z.string(),
      batteryKind: z.string().describe('bbu, cachevault; empty: none'),
      batteryState: z.string(),
      virtualDrives: z.array(
        z.object({
          id: z.string(),
          name: z.string(),
          level: z.string(),
          state: z.string(),
          writeCache: z.string().describe('write-back, write-back-always, write-through; empty: not known'),
          writeCacheConfigured: z.string(),
        }),
      ),
      physicalDrives: z.array(
        z.object({
          id: z.string().describe('enclosure:slot'),
          model: z.string(),
          state: z.string(),
          rebuildFraction: fraction,
          mediaErrors: count,
          predictedFailures: count,
          smartAlert: z.boolean().optional(),
        }),
      ),
    }),
  ),
  disks: z.array(
    z.object({
      device: z.string(),
      model: z.string(),
      serial: z.string(),
      passed: z.boolean().optional().describe("the disk's own verdict"),
      reallocatedSectors: count,
      pendingSectors: count,
      uncorrectableSectors: count,
      mediaErrors: count,
      usedFraction: z.number().optional().describe('of its rated life; may pass 1'),
      spareFraction: fraction,
      spareThresholdFraction: fraction,
      criticalWarning: count.describe('bits of the NVMe critical warning'),
      temperatureCelsius: z.number().optional(),
      powerOnHours: count,
      asleep: z.boolean().describe('it was not woken: the figures are older'),
      problem: z.string().describe('why it could not be read: the figures are older; empty if it was'),
    }),
  ),
  pools: z.array(
    z.object({
      name: z.string(),
      kind: z.string().describe('volume-group, thin-pool'),
      sizeBytes: count,
      freeBytes: count,
      dataFraction: fraction,
      metadataFraction: fraction,
      missingDevices: count,
    }),
  ),
})

export type StorageHealthView = z.infer<typeof storageHealthView>
