import type { HeartbeatRule } from '../../model/policy.js'
import { postAlerts, watchdogAlert } from './alertmanager.js'
import { reasonOf, type Outcome } from './channel.js'

/** Gives one sign of life, by each way that is configured. Never rejects. */
export async function beat({ url, alertmanager }: HeartbeatRule, signal: AbortSignal): Promise<Outcome> {
  const outcomes = await Promise.all([
    ...(url === undefined ? [] : [visit(url, signal)]),
    ...(alertmanager === undefined ? [] : [postAlerts(alertmanager, [watchdogAlert], signal)]),
  ])
  return outcomes.find(({ status }) => status !== 'sent') ?? { status: 'sent' }
}

async function visit(url: string, signal: AbortSignal): Promise<Outcome> {
  try {
    const response = await fetch(url, { headers: { 'user-agent': 'headroom' }, redirect: 'manual', signal })
    await response.body?.cancel().catch(() => undefined)
    return response.ok ? { status: 'sent' } : { status: 'retry', reason: `answered ${response.status}` }
  } catch (error) {
    return { status: 'retry', reason: signal.aborted ? 'no answer in time' : reasonOf(error) }
  }
}
