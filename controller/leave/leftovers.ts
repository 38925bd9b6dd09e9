import { groupBy } from '../../common/group-by.js'
import type { StoreConfig } from '../store/store-config.js'
import type { FleetList } from './fleet-list.js'

export interface LeftoverFacts {
  readonly fleet: FleetList
  /** Of the agent on this machine; undefined if there is none. */
  readonly ownAgentId: string | undefined
  /** Undefined if there is no controller here. */
  readonly store: StoreConfig | undefined
}

export interface Leftover {
  readonly what: string
  /** What removes it; empty where nothing has to be done. */
  readonly command: string
}

const remoteUninstall = 'sh /usr/local/lib/headroom/deploy/uninstall.sh --agent --purge'

/** What is elsewhere when a controller has left its machine, and how to be rid of it too. */
export function leftovers({ fleet, ownAgentId, store }: LeftoverFacts): Leftover[] {
  const found: Leftover[] = []
  const hosts = groupBy(fleet.hosts, ({ agentId }) => agentId)
  for (const { id, name, revoked } of fleet.agents) {
    if (id === ownAgentId || revoked) continue
    found.push({ what: `the agent on ${name}`, command: `ssh root@${quoted(name)} '${remoteUninstall}'` })
    const names = (hosts.get(id) ?? []).map(({ inventory }) => inventory.host.name)
    for (const host of names.filter((one) => one !== name))
      found.push({
        what: `${host}, which that agent reads: if it does so over ssh, an account and a script`,
        command: `ssh root@${quoted(host)} 'userdel -r headroom; rm -f /usr/local/bin/headroom-reader'`,
      })
  }
  if (store !== undefined && store.kind !== 'embedded') found.push(databaseOf(store))
  found.push(
    {
      what: 'Grafana, if it shows the dashboards: the folder "headroom", its data source and provisioning',
      command: 'rm -r /var/lib/grafana/headroom /etc/grafana/provisioning/*/headroom.yaml',
    },
    { what: 'Prometheus and proxies, if they ask this machine: their entries for ports 8420 to 8422', command: '' },
    { what: "the services' log lines, until journald drops them", command: '' },
  )
  return found
}

/** For people. */
export function leftoverLines(left: readonly Leftover[]): string[] {
  return left.flatMap(({ what, command }) => [`  ${what}`, ...(command === '' ? [] : [`      ${command}`])])
}

function databaseOf(store: Exclude<StoreConfig, { readonly kind: 'embedded' }>): Leftover {
  const { kind, url, database } = store
  const what = `the database ${database} on ${url}`
  if (kind === 'influxdb') {
    const user = store.user === undefined ? '' : ` -u ${quoted(store.user)}`
    const query = quoted(`q=DROP DATABASE "${database}"`)
    return { what, command: `curl${user} ${quoted(`${url}/query`)} --data-urlencode ${query}` }
  }
  const match = quoted(`match[]={db="${database}"}`)
  return { what, command: `curl ${quoted(`${url}/api/v1/admin/tsdb/delete_series`)} --data-urlencode ${match}` }
}

/** A word of a shell line. */
export function quoted(word: string): string {
  return /^[\w./:@-]+$/.test(word) && !word.startsWith('-') ? word : `'${word.replaceAll("'", "'\\''")}'`
}
