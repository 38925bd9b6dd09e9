import { cleaned } from './disk-identity.js'
import type { DiskSource, ResolvedArray } from './disk-source.js'

/** What a network disk needs to know of this host. */
export interface NetworkContext {
  readonly hostId: string
  /** Cluster id in this host's ceph.conf. */
  readonly cephFsid: string | undefined
}

/** The array behind a disk that QEMU attaches over the network itself. No device of the host is involved. */
export function resolveNetworkSource(disk: DiskSource, { hostId, cephFsid }: NetworkContext): ResolvedArray {
  const name = cleaned(disk.name ?? disk.source) ?? ''
  const host = cleaned(disk.host)?.toLowerCase()
  const [first, rest] = cutAtFirst(name)
  switch (disk.protocol) {
    case 'iscsi': {
      const slash = name.lastIndexOf('/')
      const target = (slash < 0 ? name : name.slice(0, slash)).toLowerCase()
      // No LUN means LUN 0, as in libiscsi's URLs.
      return known(iscsiKey(target), target, 'iscsi', slash < 0 ? '0' : name.slice(slash + 1))
    }
    case 'rbd': {
      const cluster = cephFsid ?? host ?? hostId
      return known(`rbd:${cluster}/${first}`, `${first} on ${host ?? cluster}`, 'rbd', rest)
    }
    case 'nbd': {
      // Without a host it is a Unix socket of this machine.
      const server = host === undefined ? hostId : urlHost(host)
      const place = host === undefined ? (cleaned(disk.source) ?? '') : String(disk.port ?? 10809)
      return known(`nbd:${server}:${place}`, `${host ?? 'local'}:${place}`, 'nbd', cleaned(disk.name))
    }
    case 'nfs': {
      const slash = name.lastIndexOf('/')
      const directory = slash <= 0 ? '/' : name.slice(0, slash)
      return { ...known(nfsKey(host ?? hostId, directory), `${host ?? 'local'}:${directory}`, 'nfs', name) }
    }
    default: {
      const protocol = cleaned(disk.protocol)?.toLowerCase() ?? 'network'
      return known(`${protocol}:${urlHost(host ?? hostId)}/${first}`, `${host ?? 'local'}/${first}`, 'other', rest)
    }
  }
}

/** Names of targets do not care about case (RFC 3722). */
export function iscsiKey(target: string): string {
  return `iscsi:${target.toLowerCase()}`
}

/** @param host a name or an address */
export function nfsKey(host: string, path: string): string {
  return `nfs:${urlHost(host.toLowerCase())}:${path}`
}

/** An IPv6 address in brackets, so that its colons do not look like ours. */
function urlHost(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

function cutAtFirst(name: string): [string, string | undefined] {
  const trimmed = name.replace(/^\/+/, '')
  const slash = trimmed.indexOf('/')
  return slash < 0 ? [trimmed, undefined] : [trimmed.slice(0, slash), trimmed.slice(slash + 1)]
}

function known(key: string, name: string, backend: ResolvedArray['backend'], unit: string | undefined): ResolvedArray {
  const kind = backend === 'other' ? (key.split(':')[0] ?? 'other') : backend
  return { key, backend, ...(unit === undefined || unit === '' ? {} : { unit }), array: { key, name, kind } }
}
