/**
 * Why a controller refuses a call of an agent, or ends its session: a word that travels in the trailer `headroom-reason`, is
 * counted and logged. Add, never rename: agents of other versions act on them.
 */
export const refusalReasons = [
  // Who calls.
  'no-certificate',
  'other-authority',
  'certificate-expired',
  'certificate-expired-long-ago',
  'certificate-not-yet-valid',
  'agent-unknown',
  'agent-revoked',
  // Enrolment.
  'unknown-token',
  'expired-token',
  'too-many-tokens',
  'host-not-in-token',
  'host-taken',
  'bad-request',
  // The end of a session that is none of the agent's fault.
  'newer-session',
  'grants-changed',
] as const

export type RefusalReason = (typeof refusalReasons)[number]

/** gRPC trailer that carries the reason. */
export const reasonTrailer = 'headroom-reason'

export function isRefusalReason(text: unknown): text is RefusalReason {
  return refusalReasons.some((reason) => reason === text)
}
