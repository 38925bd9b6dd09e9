import type { AlertView, ArrayView, HostView, VmView } from '../../api/views.js'
import {
  alertsPath,
  alertPath,
  arrayPath,
  auditPath,
  capacityPath,
  commandsPath,
  plansPath,
  fleetPath,
  hostPath,
  settingsPath,
  vmPath,
} from '../routing/routes.js'

/** Something that an entry of the search leads to. */
export interface Hit {
  readonly kind: 'VM' | 'host' | 'array' | 'alert' | 'view'
  readonly name: string
  /** What tells it from others of that name. */
  readonly note: string
  readonly path: string
}

/** What the search looks at of what the page knows. */
export interface Searched {
  readonly vms: ReadonlyMap<string, Pick<VmView, 'name' | 'uuid' | 'host' | 'owner' | 'group' | 'service'>>
  readonly hosts: ReadonlyMap<string, Pick<HostView, 'name' | 'id'>>
  readonly arrays: ReadonlyMap<string, Pick<ArrayView, 'name' | 'key'>>
  readonly alerts: ReadonlyMap<number, Pick<AlertView, 'number' | 'check' | 'subject' | 'message'>>
}

const views: readonly Hit[] = [
  { kind: 'view', name: 'Fleet', note: '', path: fleetPath },
  { kind: 'view', name: 'Alerts', note: '', path: alertsPath },
  { kind: 'view', name: 'Capacity', note: '', path: capacityPath },
  { kind: 'view', name: 'Plans', note: '', path: plansPath },
  { kind: 'view', name: 'Commands', note: '', path: commandsPath },
  { kind: 'view', name: 'Audit log', note: '', path: auditPath },
  { kind: 'view', name: 'Settings', note: 'agents, users, tokens, policy', path: settingsPath },
]

/**
 * What fits a few typed letters, the best first: whose name is that, then begins so, then has it somewhere, then those of which something
 * else fits (host, owner, group, UUID). Pure; 10,000 VMs take some milliseconds.
 */
export function searchHits(text: string, { vms, hosts, arrays, alerts }: Searched, most: number): readonly Hit[] {
  const wanted = text.trim().toLowerCase()
  if (wanted === '') return []
  const ranked: { readonly hit: Hit; readonly rank: number }[] = []
  const offer = (hit: Hit, ...more: readonly (string | undefined)[]): void => {
    const rank = rankOf(wanted, hit.name.toLowerCase(), more)
    if (rank !== undefined) ranked.push({ hit, rank })
  }
  for (const { name, uuid, host, owner, group, service } of vms.values()) {
    offer({ kind: 'VM', name, note: `on ${host}`, path: vmPath(uuid) }, host, owner, group, service, uuid)
  }
  for (const { name, id } of hosts.values()) offer({ kind: 'host', name, note: '', path: hostPath(name) }, id)
  for (const { name, key } of arrays.values()) offer({ kind: 'array', name, note: '', path: arrayPath(key) }, key)
  for (const { number = 0, check, subject, message } of alerts.values()) {
    offer(
      { kind: 'alert', name: `#${number} ${check}`, note: subject.name, path: alertPath(number) },
      subject.name,
      message,
    )
  }
  for (const view of views) offer(view)
  const byRank = (a: (typeof ranked)[number], b: (typeof ranked)[number]): number =>
    a.rank - b.rank || a.hit.name.localeCompare(b.hit.name)
  return ranked
    .sort(byRank)
    .slice(0, most)
    .map(({ hit }) => hit)
}

function rankOf(wanted: string, name: string, more: readonly (string | undefined)[]): number | undefined {
  if (name === wanted) return 0
  if (name.startsWith(wanted)) return 1
  if (name.includes(wanted)) return 2
  return more.some((text) => text?.toLowerCase().includes(wanted) === true) ? 3 : undefined
}
