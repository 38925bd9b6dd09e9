import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createSocket } from 'node:dgram'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { freePort } from '../../support/free-port.js'
import { residentMiB } from './cpu-meter.js'

/** A tool that reads the guests, while it runs. */
export interface RunningTool {
  readonly pid: number
  residentMiB(): number
  /** How often any disk's own bytes were reported since the start. */
  diskReadings(): number
  stop(): Promise<void>
}

/** Debian's collectd with its virt plugin: all it reads by default, once a second, sent to a local port. */
export async function startCollectd(libvirtSocket: string): Promise<RunningTool> {
  const directory = await mkdtemp(join(tmpdir(), 'headroom-collectd-'))
  const sink = createSocket('udp4')
  sink.bind(0, '127.0.0.1')
  await once(sink, 'listening')
  let readings = 0
  sink.on('message', (packet) => {
    readings += diskValues(packet)
  })
  const config = join(directory, 'collectd.conf')
  await writeFile(
    config,
    `Hostname "bench"
FQDNLookup false
BaseDir "${directory}"
PIDFile "${directory}/pid"
PluginDir "/usr/lib/collectd"
TypesDB "/usr/share/collectd/types.db"
Interval 1
LoadPlugin virt
LoadPlugin network
<Plugin virt>
  Connection "qemu+unix:///system?socket=${libvirtSocket}"
</Plugin>
<Plugin network>
  Server "127.0.0.1" "${sink.address().port}"
</Plugin>
`,
  )
  const child = spawn('/usr/sbin/collectd', ['-f', '-C', config], { stdio: 'ignore' })
  return {
    pid: pidOf(child),
    residentMiB: () => residentMiB(pidOf(child)),
    diskReadings: () => readings,
    async stop() {
      await ended(child)
      sink.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/**
 * Values of type disk_octets in one packet of collectd's binary protocol: parts of u16 type, u16 length with the header in it;
 * type 4 names the type of the values (part type 6) that follow.
 */
export function diskValues(packet: Buffer): number {
  let count = 0
  let type = ''
  for (let at = 0; at + 4 <= packet.length;) {
    const kind = packet.readUInt16BE(at)
    const length = packet.readUInt16BE(at + 2)
    if (length < 4) break
    if (kind === 4) type = packet.toString('latin1', at + 4, at + length - 1)
    if (kind === 6 && type === 'disk_octets') count += 1
    at += length
  }
  return count
}

/** Debian's prometheus-libvirt-exporter, scraped once a second. */
export async function startExporter(libvirtSocket: string): Promise<RunningTool> {
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(
    '/usr/bin/prometheus-libvirt-exporter',
    [`--web.listen-address=${address}`, `--libvirt.uri=qemu+unix:///system?socket=${libvirtSocket}`],
    { stdio: 'ignore' },
  )
  let readings = 0
  const scrape = async (): Promise<void> => {
    const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(10_000) })
    const text = await answer.text()
    readings += text.split('\nlibvirt_domain_block_stats_write_bytes_total{').length - 1
  }
  for (let tries = 0; ; tries += 1) {
    try {
      await scrape()
      break
    } catch (error) {
      if (tries > 100) throw error
      await delay(100)
    }
  }
  const stop = new AbortController()
  const scraping = (async () => {
    for (let due = performance.now(); !stop.signal.aborted; due += 1000) {
      await scrape()
      await delay(Math.max(0, due + 1000 - performance.now()), undefined, { signal: stop.signal }).catch(
        () => undefined,
      )
    }
  })()
  return {
    pid: pidOf(child),
    residentMiB: () => residentMiB(pidOf(child)),
    diskReadings: () => readings,
    async stop() {
      stop.abort()
      await scraping
      await ended(child)
    },
  }
}

export function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`${child.spawnfile} did not start`)
  return child.pid
}

/** Asks it to end, and waits. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
