import { describe, expect, it } from 'vitest'

import type { EventObservation, VmObservation } from '../model/observation.js'
import type { Metric } from '../model/snapshot.js'
import { Contradictions } from './contradictions.js'
import { VmCopy, type CopyContext, type Departures } from './vm-copy.js'

const uuid = 'vm'
const capabilities = ['cpu', 'disk-bytes'].map((name) => ({ name, support: 'yes' as const, reason: '' }))
const context: CopyContext = {
  hostId: 'host',
  simulated: false,
  capabilities,
  contradictions: new Contradictions(),
  seriesId: uuid,
}
const unknown: Departures = { before: () => undefined }

function happens(copy: VmCopy, at: number, kind: EventObservation['kind'], reason: string): void {
  copy.happened({ at, vmUuid: uuid, vmName: '', kind, reason, message: '' })
}

/** @returns by field, what is stored of the VM itself, with its moment */
function reads(copy: VmCopy, at: number, part: Partial<VmObservation>): Record<string, readonly [number, number]> {
  const ofVm = copy.observe({ ...sampleOf(at), ...part }, context, unknown).filter(({ entity }) => entity.kind === 'vm')
  return Object.fromEntries(
    ofVm.flatMap(({ atMs, fields }) => Object.entries(fields).map(([field, value]) => [field, [atMs, value] as const])),
  )
}

const wrote = (writeBytes: number): Partial<VmObservation> => ({ disks: [{ target: 'vda', totals: { writeBytes } }] })
const running = { state: 'running', stateReason: 'booted' } as const
const paused = { state: 'paused', stateReason: 'migration' } as const

function isRunningSince(at: number): VmCopy {
  const copy = new VmCopy(uuid, context, at)
  reads(copy, at, { ...running, ...wrote(0), totals: { cpuSeconds: 0 } })
  return copy
}

describe('what a VM did until it was suspended to run elsewhere', () => {
  it.each([
    ['soon', 3600, { writeBytesPerSecond: [3500, 1000], cpuCores: [3500, 0.5], running: [3500, 0] }],
    ['long after', 8000, { writeBytesPerSecond: [3500, 1000], running: [3500, 0] }],
  ])("is of that moment, read %s; CPU time that its process used since is not the VM's", (_what, at, stored) => {
    const copy = isRunningSince(0)
    happens(copy, 3500, 'suspended', 'migration')
    expect(reads(copy, at, { ...paused, ...wrote(3500), totals: { cpuSeconds: 1.75 } })).toEqual(stored)
    expect(copy.lastSampleAt).toBe(at)
  })
})

describe('a reading that is told after what came later', () => {
  it('counts if its VM runs, and is not the last that was heard of it', () => {
    const copy = isRunningSince(0)
    copy.note({ ...sampleOf(2000), state: 'running' })
    expect(reads(copy, 1000, wrote(1000))).toEqual({ writeBytesPerSecond: [1000, 1000] })
    expect(copy.lastSampleAt).toBe(2000)
    expect(reads(copy, 900, wrote(900))).toEqual({})
  })

  it('shows no figures of now of a VM that has stopped since', () => {
    const copy = isRunningSince(0)
    happens(copy, 2000, 'stopped', 'shutdown')
    expect(reads(copy, 1000, { ...running, ...wrote(1000) })).toEqual({ writeBytesPerSecond: [1000, 1000] })
    const metric: Metric | undefined = copy.toVm(1, context).metrics['writeBytesPerSecond']
    expect(metric).toEqual({ absent: 'not running' })
  })
})

it('a VM that came by post-copy does not come again when what broke it off is mended', () => {
  const copy = new VmCopy(uuid, context, 0)
  happens(copy, 1000, 'started', 'migrated')
  happens(copy, 2000, 'resumed', 'post-copy')
  reads(copy, 3000, { ...running, ...wrote(1000) })
  happens(copy, 4000, 'suspended', 'post-copy-failed')
  happens(copy, 5000, 'resumed', 'post-copy')
  expect(copy.passage.cameAt).toBe(2000)
  expect(reads(copy, 6000, wrote(4000))).toEqual({ writeBytesPerSecond: [6000, 1000] })
})

function sampleOf(at: number): VmObservation {
  return {
    uuid,
    runId: 'run',
    at,
    state: undefined,
    stateReason: 'unknown',
    vcpus: 1,
    totals: {},
    levels: {},
    guestMemoryAt: undefined,
    disks: [],
    nics: [],
  }
}
