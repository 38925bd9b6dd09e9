import type { Circumstances } from '../../model/circumstances.js'
import { finding, fleetSubject, type Finding } from '../../model/finding.js'
import type { Policy } from '../../model/policy.js'
import type { Snapshot } from '../../model/snapshot.js'

const longestReason = 300

/** Targets of routes that do not take what they are sent: who is told by another way, or looks at the page, learns of it. */
export function channelTrouble(_snapshot: Snapshot, _policy: Policy, { channels = [] }: Circumstances): Finding[] {
  return channels.map(({ route, kind, to, problem, waiting }) => {
    const waits = waiting === 0 ? '' : `; ${waiting} ${waiting === 1 ? 'message waits' : 'messages wait'}`
    return finding({
      check: 'channel-trouble',
      severity: 'warning',
      subject: fleetSubject,
      part: `${route}: ${kind} ${to}`,
      message: `route ${route} does not get all through by ${kind} to ${to}: ${problem.slice(0, longestReason)}${waits}`,
    })
  })
}
