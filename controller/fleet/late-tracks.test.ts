import { expect, it } from 'vitest'

import type { ReportObservation, VmObservation } from '../model/observation.js'
import { Contradictions } from './contradictions.js'
import { CopyIndex } from './copy-index.js'
import { HostRecord, mostCopies } from './host-record.js'
import { LateCopies } from './late-copies.js'
import { LateTracks } from './late-tracks.js'
import { Moves } from './moves.js'
import { RunSpans } from './run-spans.js'

const host = { hostId: 'h', name: 'h', kind: 'kvm' as const, bootId: 'b', simulated: false, capabilities: [] }

function report(spoolId: string, vms: number): ReportObservation {
  const all = Array.from({ length: vms }, (_, index): VmObservation => {
    const nothing = { state: 'running', stateReason: 'booted', vcpus: 1, totals: {}, levels: {} } as const
    return { uuid: `vm ${index}`, runId: 'r', at: 1, ...nothing, guestMemoryAt: undefined, disks: [], nics: [] }
  })
  const rest = { gaps: [], host: undefined, arrays: [], collectors: [], events: [], agent: undefined }
  return { spoolId, seq: 1, hostId: 'h', bootId: 'b', at: 1, lane: 'state', vms: all, ...rest }
}

it('an agent that names the same VMs in many spools does not have more copies of them than a host may have, and a report', () => {
  const contradictions = new Contradictions()
  const tracks = new LateTracks(new LateCopies(new CopyIndex(), new RunSpans()), new Moves(), contradictions)
  const spools = Array.from({ length: 20 }, (_, index) => `spool ${index}`)
  tracks.connected('a', { spoolId: 'now', backlog: spools }, [])
  const present = new HostRecord(host, 'a', 0, contradictions)
  const perReport = 2000
  for (const spool of spools) tracks.apply('a', present, report(spool, perReport), 2)
  expect(tracks.copiesOf('a')).toBeGreaterThan(mostCopies - perReport)
  expect(tracks.copiesOf('a')).toBeLessThanOrEqual(mostCopies + perReport)
  tracks.connected('a', { spoolId: 'now', backlog: [] }, [])
  expect(tracks.copiesOf('a')).toBe(0)
})
