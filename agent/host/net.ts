import type { NetworkRaw } from '../hypervisor/hypervisor.js'
import { countAt, MalformedFile, procLines } from './proc-text.js'
import type { Collector } from './run-collectors.js'
import type { TextReader } from './text-reader.js'

const file = '/proc/net/dev'

/**
 * Totals of the machine's own network devices, those of VMs left out.
 * @param paths tried in turn; see `netDevPaths`
 */
export function netCollector(paths: readonly string[], reader: TextReader): Collector {
  return {
    name: 'net',
    collect: async () => {
      for (const path of paths) {
        const text = reader.readIfThere(path)
        if (text !== undefined) return { networks: parseNetDev(text, isHostNetwork) }
      }
      return {}
    },
  }
}

/** The devices belong to the reader's network namespace; beside another root that of process 1 is meant. */
export function netDevPaths(procRoot: string, rootFs: string): readonly string[] {
  const own = `${procRoot}/net/dev`
  return rootFs === '/' ? [own] : [`${procRoot}/1/net/dev`, own]
}

// Loopback, the host's ends of VMs and containers, and devices that carry nothing of their own.
const notHostNetwork = /^(?:lo$|(?:vnet|vif|tap|macvtap|veth|ifb|dummy)\d|veth|fwbr|fwpr|fwln)/

/** Whether a device is a physical one, a bond, a VLAN or a bridge. */
export function isHostNetwork(device: string): boolean {
  return !notHostNetwork.test(device)
}

/** Devices of /proc/net/dev that `include` wants. @throws MalformedFile */
export function parseNetDev(text: string, include: (device: string) => boolean): NetworkRaw[] {
  const lines = procLines(file, text)
  if (lines.length === 0) throw new MalformedFile(file, 1, 'two lines of headings', '')
  return lines.flatMap((line) => {
    if (line.text.includes('|')) return [] // headings
    // Old kernels print no space after the colon: "eth0:629670095". A name may hold colons itself (aliases).
    const match = /^(.+):\s*(\d.*)$/.exec(line.text)
    const device = match?.[1]
    if (device === undefined || match?.[2] === undefined) {
      throw new MalformedFile(file, line.number, 'a device, a colon and counts', line.text)
    }
    if (!include(device)) return []
    const counts = { ...line, columns: match[2].split(/\s+/) }
    // bytes packets errs drop fifo frame compressed multicast, then the same of sending
    return [
      {
        device,
        receiveBytes: countAt(counts, 0),
        receivePackets: countAt(counts, 1),
        receiveErrors: countAt(counts, 2),
        receiveDrops: countAt(counts, 3),
        transmitBytes: countAt(counts, 8),
        transmitPackets: countAt(counts, 9),
        transmitErrors: countAt(counts, 10),
        transmitDrops: countAt(counts, 11),
      },
    ]
  })
}
