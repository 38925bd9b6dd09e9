import {
  sampleGroups,
  type HypervisorEvent,
  type HypervisorKind,
  type Sample,
  type SampleGroup,
} from '../hypervisor.js'
import { measuredBy } from './driver-limits.js'
import { sampleHost } from './host-sample.js'
import type { World } from './world.js'

/** One host at one moment of a replay. */
export interface SimulatedTick {
  readonly atMs: number
  readonly hostId: string
  readonly hostName: string
  readonly kind: HypervisorKind
  readonly bootId: string
  /** What happened on the host since the tick before. */
  readonly events: readonly HypervisorEvent[]
  /** Absent while the host is lost. */
  readonly sample?: Sample
}

/**
 * Plays a world as fast as it goes, without timers: at `fromMs + stepMs`, and so on to `toMs`, one tick for each host,
 * with the same samples that its hypervisor would give then.
 */
export function* simulateTicks(
  world: World,
  { fromMs, toMs, stepMs }: { readonly fromMs: number; readonly toMs: number; readonly stepMs: number },
  groups: ReadonlySet<SampleGroup> = new Set(sampleGroups),
): Generator<SimulatedTick, void, void> {
  for (let atMs = fromMs + stepMs; atMs <= toMs; atMs += stepMs) {
    world.advance(atMs)
    for (const host of world.hosts) {
      const reading = { groups, can: measuredBy(host.spec.kind), atMs, share: world.shareAt(atMs) }
      yield {
        atMs,
        hostId: host.id,
        hostName: host.spec.name,
        kind: host.spec.kind,
        bootId: host.bootId,
        events: world.takeEvents(host),
        ...(host.up ? { sample: sampleHost(host, reading, everything) } : {}),
      }
    }
  }
}

const everything = { vmUuids: undefined, hasMoved: undefined }
