import type { Verdict } from '../../common/verbs.js'
import type { Snapshot, Vm } from '../model/snapshot.js'

/** Another host that has the same VM. */
export interface CopyElsewhere {
  readonly hostName: string
  /** As far as is known. */
  readonly runs: boolean
  /** Whether its host is heard. */
  readonly isHeard: boolean
}

export function copiesElsewhere({ placements, hosts }: Snapshot, { uuid, hostId }: Vm): readonly CopyElsewhere[] {
  const others = (placements.get(uuid)?.copies ?? []).filter((copy) => copy.hostId !== hostId)
  return others.map((copy) => {
    const host = hosts.get(copy.hostId)
    return { hostName: host?.name ?? copy.hostId, runs: copy.runs, isHeard: host?.status === 'up' }
  })
}

/** Whether a run may begin or go on: two of one VM destroy its disks. */
export function copiesVerdict(copies: readonly CopyElsewhere[]): Verdict {
  const check = 'copies'
  const runs = copies.find((copy) => copy.runs)
  if (runs !== undefined) return { check, ok: false, says: `it runs on ${runs.hostName}, as far as is known` }
  const silent = copies.find(({ isHeard }) => !isHeard)
  if (silent !== undefined)
    return { check, ok: false, says: `it may run on ${silent.hostName}, which has it too and is not heard` }
  return { check, ok: true, says: 'it runs nowhere else' }
}
