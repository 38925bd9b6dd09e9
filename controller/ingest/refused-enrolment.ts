import type { RefusedEnrolment } from './agent-registry.js'
import type { ClaimedHost } from './join-tokens.js'

/** A message of a refusal has to fit into a gRPC status. */
const mostNames = 5

/** What a machine that wants to join is told: what is wrong, what was expected, what came, and the command that helps. */
export function refusedEnrolment(outcome: RefusedEnrolment, claimed: readonly ClaimedHost[], nowMs: number): string {
  switch (outcome.reason) {
    case 'unknown-token':
      return 'the join token is not known, or was used before, made void or expired; make a new one: headroom agent join-token'
    case 'expired-token':
      return `the join token has expired: it was good until ${iso(outcome.expiredAt)}, and it is ${iso(nowMs)} by the controller's clock; make a new one: headroom agent join-token`
    case 'host-not-in-token':
      return `the join token was made for other hosts: expected ${listed(outcome.hosts)}, got ${listed(claimed.map(({ name }) => name))}; make one for this host: headroom agent join-token --host ${claimed[0]?.name ?? 'NAME'}`
    case 'host-taken': {
      const { name, id, hosts } = outcome.owner
      const taken = claimed.filter(({ hostId }) => hosts !== 'any' && hosts.includes(hostId)).map((host) => host.name)
      return `another agent speaks for one of these hosts: ${name} (${id}) for ${listed(taken)}; if it is gone: headroom agent revoke ${id}`
    }
  }
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none'
  return names.length > mostNames
    ? `${names.slice(0, mostNames).join(', ')} and ${names.length - mostNames} more`
    : names.join(', ')
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
