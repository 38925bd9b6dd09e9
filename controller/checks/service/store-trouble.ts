import { exactShare, formatBytes } from '../../../common/units.js'
import type { Circumstances, StoreCondition } from '../../model/circumstances.js'
import { finding, fleetSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'

type Said = Pick<Finding, 'severity' | 'part' | 'message'> & Partial<Pick<Finding, 'strength'>>

/** What endangers the history, or has cost some of it: each matter is a part of its own. */
export function storeTrouble(_snapshot: Snapshot, policy: Policy, { store }: Circumstances): Finding[] {
  if (store === undefined) return []
  return [...atWork(store), ...losses(store), ...spaces(store, policy)].map((said) =>
    finding({ check: 'store-trouble', subject: fleetSubject, ...said }),
  )
}

function atWork({ writeProblem, problem }: StoreCondition): Said[] {
  const said: Said[] = []
  if (writeProblem !== '') {
    const message = `the store takes no data, which wait with the agents: ${writeProblem}`
    said.push({ severity: 'critical', part: 'writing', message })
  }
  const others = problem.split('; ').filter((one) => one !== '' && !isSame(one, writeProblem))
  if (others.length > 0) {
    said.push({ severity: 'warning', part: 'order', message: `the store is not in order: ${others.join('; ')}` })
  }
  return said
}

/** Why it takes no data it says of itself as well, in more words or in fewer. */
function isSame(problem: string, writeProblem: string): boolean {
  return writeProblem !== '' && (writeProblem.includes(problem) || problem.includes(writeProblem))
}

function losses(store: StoreCondition): Said[] {
  const { damagedRowsLately, tooLatePointsLately, trimmedLately, lostPointsLately } = store
  const said: Said[] = []
  if (damagedRowsLately > 0) {
    const message = `${damagedRowsLately} damaged rows were found within a day and set aside; look after the disk, and at headroom store check`
    said.push({ severity: 'warning', part: 'damage', message })
  }
  if (lostPointsLately > 0) {
    const message = `${lostPointsLately} points of the last hour are lost: the store's server does not take them`
    said.push({ severity: 'critical', part: 'lost', message })
  }
  if (trimmedLately > 0) {
    const message = `history is deleted before its time, for the ceiling of its size: ${trimmedLately} points and rows within an hour`
    said.push({ severity: 'warning', part: 'trimmed', message })
  }
  if (tooLatePointsLately > 0) {
    const message = `${tooLatePointsLately} points of the last hour came too late to be stored`
    said.push({ severity: 'info', part: 'late', message })
  }
  return said
}

function spaces({ queue, disk }: StoreCondition, { thresholds }: Policy): Said[] {
  const { queueAbove, queueClearBelow, diskBelow, diskClearAbove } = thresholds['store-trouble']
  const said: Said[] = []
  const filled = queue === undefined ? 0 : queue.bytes / queue.maxBytes
  if (queue !== undefined && filled >= Math.min(queueAbove, queueClearBelow)) {
    said.push({
      // Half of what was left when it was raised.
      severity: filled >= (1 + queueAbove) / 2 ? 'critical' : 'warning',
      part: 'queue',
      strength: filled >= queueAbove ? 'raise' : 'keep',
      message: `the queue of the store's server is filled to ${percent(filled)} of ${formatBytes(queue.maxBytes)}; when it is full the oldest points are lost`,
    })
  }
  const free = disk === undefined || disk.sizeBytes === 0 ? undefined : disk.freeBytes / disk.sizeBytes
  if (disk !== undefined && free !== undefined && free <= Math.max(diskBelow, diskClearAbove)) {
    said.push({
      severity: free <= diskBelow / 2 ? 'critical' : 'warning',
      part: 'disk',
      strength: free <= diskBelow ? 'raise' : 'keep',
      message: `the disk of the controller's data has ${percent(free)} left, ${formatBytes(disk.freeBytes)}`,
    })
  }
  return said
}

function percent(share: number): string {
  return exactShare(Math.round(share * 100) / 100)
}
