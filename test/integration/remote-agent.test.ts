import { chownSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { stringify } from 'yaml'
import { z } from 'zod'

import { startAgent, type Agent } from '../../agent/agent.js'
import { agentConfigSchema } from '../../agent/config.js'
import { joinController } from '../../agent/join.js'
import type { Host } from '../../controller/model/snapshot.js'
import { elabTree, elabTreeOfCentos5 } from '../fixtures/xen/elab-trees.js'
import { scratch, startIngest, type IngestController } from '../support/ingest-controller.js'
import { collectedLog } from '../support/log-lines.js'
import { elabMachine, elabXen, startRemoteXenHost, type RemoteXenHost } from '../support/remote-xen-host.js'
import { sshdMissing } from '../support/ssh-server.js'

// One agent beside two hosts, from its configuration to the controller: what happens to one is nothing to the other.

const missing = sshdMissing()
if (missing !== undefined) console.warn(`the tests of an agent beside hosts are skipped: ${missing}`)

const boots = ['0f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10', '1f0e7d3c-5a52-4d5e-9d3b-2b8c4a6f1e10'] as const
const until = (check: () => unknown): Promise<unknown> => vi.waitFor(check, { timeout: 45_000, interval: 50 })
const healthSchema = z.object({ ok: z.boolean(), problems: z.array(z.string()) })

let dir: Awaited<ReturnType<typeof scratch>>
let agentDir: Awaited<ReturnType<typeof scratch>>
let controller: IngestController
let hosts: readonly [RemoteXenHost, RemoteXenHost]
let logged: ReturnType<typeof collectedLog>
const stops: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  if (missing !== undefined) return
  logged = collectedLog()
  dir = await scratch()
  agentDir = await scratch()
  controller = await startIngest(dir.path)
  hosts = await Promise.all([
    startRemoteXenHost(elabTree() + elabMachine(boots[0], 5000), elabXen('a')),
    startRemoteXenHost(elabTreeOfCentos5() + elabMachine(boots[0], 5000), elabXen('b')),
  ])
})
afterEach(async () => {
  if (missing !== undefined) return
  for (const stop of stops.splice(0).reverse()) await stop()
  for (const host of hosts) await host.stop()
  await controller.stop()
  await dir.remove()
  await agentDir.remove()
})

function entry({ sshd }: RemoteXenHost, name: string): unknown {
  const { host, port, user, identityFile, knownHostsFile } = sshd.target
  return { kind: 'libvirt', uri: 'xen:///system', name, ssh: { host, port, user, identityFile, knownHostsFile } }
}

function configured(): unknown {
  return {
    data: agentDir.path,
    controllers: [{ address: controller.address, joinTokenFile: join(agentDir.path, 'join-token') }],
    hypervisors: [entry(hosts[0], 'xenhv01'), entry(hosts[1], 'xenhv02')],
    metrics: { port: 0 },
    intervals: { state: '500ms', fast: '500ms', block: '500ms', inventory: '1s' },
  }
}

async function start(): Promise<Agent> {
  writeFileSync(join(agentDir.path, 'join-token'), await controller.token())
  const agent = await startAgent({
    config: agentConfigSchema.parse(configured()),
    version: '0.1.0',
    log: logged.log,
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
  })
  stops.push(() => agent.stop())
  return agent
}

function known(name: string): Host {
  const host = [...controller.fleet.snapshot().hosts.values()].find((one) => one.name === name)
  if (host === undefined) throw new Error(`no ${name}`)
  return host
}

async function health({ metricsPort }: Agent): Promise<z.output<typeof healthSchema>> {
  return healthSchema.parse(await (await fetch(`http://127.0.0.1:${metricsPort}/healthz`)).json())
}

/** Waits until both hosts are read, and nothing is wrong. */
async function isWell(agent: Agent): Promise<void> {
  await until(async () => {
    expect(['xenhv01', 'xenhv02'].map((name) => [known(name).status, known(name).gaps])).toEqual([
      ['up', []],
      ['up', []],
    ])
    expect(await health(agent)).toEqual({ ok: true, problems: [] })
  })
}

/** All that was stored of a field, oldest first. */
async function stored(kind: 'host' | 'array' | 'disk', id: string, field: string): Promise<number[]> {
  const { rows } = await controller.store.range({
    entity: { kind, id },
    fields: [field],
    fromMs: Date.now() - 600_000,
    toMs: Date.now() + 60_000,
    stepMs: 0,
    agg: 'last',
  })
  return rows.flatMap((row) => row[1] ?? [])
}

describe.skipIf(missing !== undefined)('an agent beside two hosts', () => {
  it('reports both, each with its id, its VMs on their arrays and its capabilities', async () => {
    const agent = await start()
    await isWell(agent)
    const { vms, disks, arrays } = controller.fleet.snapshot()
    await until(() => expect(vms.size).toBe(10))
    expect([...disks.values()].filter(({ arrayKey }) => arrayKey.startsWith('iscsi:'))).toHaveLength(4)
    // The box is one for both.
    expect([...arrays.values()].filter(({ kind }) => kind === 'iscsi')).toHaveLength(1)
    const ids = ['xenhv01', 'xenhv02'].map((name) => known(name).id)
    expect(new Set(ids).size).toBe(2)
    const kept = readdirSync(agentDir.path).filter((name) => name.startsWith('host-id'))
    expect(kept.toSorted()).toEqual(['host-id-xenhv01', 'host-id-xenhv02'])
    expect(known('xenhv01')).toMatchObject({ bootId: boots[0], kernel: '2.6.18-238.el5xen', cpuThreads: 4 })
    expect(known('xenhv02').capabilities.find(({ name }) => name === 'disk-latency')).toMatchObject({
      support: 'degraded',
    })
    const metrics = await (await fetch(`http://127.0.0.1:${agent.metricsPort}/metrics`)).text()
    expect(metrics).toContain('headroom_agent_collector_success{host="xenhv02",collector="cpu"} 1')
  })

  it('a host key that has changed is said everywhere, of that host only', async () => {
    const agent = await start()
    await isWell(agent)
    const [first] = hosts
    await first.sshd.cut()
    const fingerprint = first.sshd.changeHostKey()
    await first.sshd.listen()
    const words = `the host key of 127.0.0.1 has changed to ${fingerprint}: refused`
    await until(async () => {
      expect(known('xenhv01').gaps).toMatchObject([{ reason: 'disconnected', message: expect.stringContaining(words) }])
      expect(await health(agent)).toEqual({
        ok: false,
        problems: [
          expect.stringMatching(/^the hypervisor of xenhv01 cannot be read: the host key of 127\.0\.0\.1 has changed/),
        ],
      })
    })
    expect(logged.lines).toContainEqual(expect.objectContaining({ level: 50, reason: expect.stringContaining(words) }))
    const before = known('xenhv02').lastReportAt ?? 0
    await until(() => expect(known('xenhv02').lastReportAt).toBeGreaterThan(before + 1000))
    expect([known('xenhv02').status, known('xenhv02').gaps]).toEqual(['up', []])
    first.sshd.trustHostKey()
    await isWell(agent)
  })

  it('a host that boots: neither a spike nor a hole that stays, and its new life is told', async () => {
    const agent = await start()
    await isWell(agent)
    const [first] = hosts
    const { id } = known('xenhv01')
    const vm = [...controller.fleet.snapshot().vms.values()].find(
      ({ hostId, name }) => hostId === id && name === 'maxwell',
    )
    const receive = () => stored('host', id, 'receiveBytesPerSecond')
    await until(async () => expect((await receive()).length).toBeGreaterThan(3))
    await first.sshd.cut()
    first.set('proc/sys/kernel/random/boot_id', boots[1])
    // All totals are higher than before: only the boot id says that they are others.
    first.set('proc/uptime', '9000.0 5.0')
    first.set('proc/net/dev', 'Inter-| Receive\n face |bytes\neth0:9000000000 2 3 4 0 0 0 0 9000000000 6 7 8 0 0 0 0')
    first.set(
      'proc/diskstats',
      '8 16 sdb 90000000 0 900000000 3000 4000 0 900000000 6000 0 7000 8000\n8 0 sda 1 0 2 3 4 0 5 6 0 7 8',
    )
    const maxwell = first.xen.domains.find(({ name }) => name === 'maxwell')
    if (maxwell === undefined || vm === undefined) throw new Error('no maxwell')
    maxwell.cpuNanoseconds = 0n
    const vbd = 'sys/bus/xen-backend/devices/vbd-5-51712/statistics'
    first.set(`${vbd}/rd_sect`, '8')
    first.set(`${vbd}/rd_req`, '1')
    const reads = (await stored('disk', `${vm.uuid}/xvda`, 'readBytesPerSecond')).length
    const had = (await receive()).length
    await first.sshd.listen()
    await isWell(agent)
    await until(async () => {
      expect(known('xenhv01').bootId).toBe(boots[1])
      expect((await receive()).length).toBeGreaterThan(had + 2)
      expect((await stored('disk', `${vm.uuid}/xvda`, 'readBytesPerSecond')).length).toBeGreaterThan(reads + 2)
    })
    expect(Math.max(...(await receive()))).toBe(0)
    const all = await stored('disk', `${vm.uuid}/xvda`, 'readBytesPerSecond')
    expect(Math.max(...all)).toBeLessThanOrEqual(8 * 512 * 2)
    expect(Math.min(...all)).toBe(0)
    const arrays = await stored('array', `iscsi:iqn.2011-04.jp.elab:raid/${id}`, 'readBytesPerSecond')
    expect(Math.max(...arrays)).toBe(0)
    expect(controller.fleet.snapshot().vms.get(vm.uuid)?.runId).toBe(`5-${boots[1].slice(0, 8)}`)
    expect(agent.status().reconnects).toBe(0)
  })

  it('one that is not there at the start keeps no other waiting, says why, and comes when it comes', async () => {
    const [, second] = hosts
    await second.sshd.cut()
    const agent = await start()
    await until(() => expect(known('xenhv01').status).toBe('up'))
    await until(async () =>
      expect(await health(agent)).toEqual({
        ok: false,
        problems: [expect.stringMatching(/^the hypervisor \(xenhv02 over ssh\) is not there: .*Connection refused/)],
      }),
    )
    await second.sshd.listen()
    await until(() => expect(agent.status().hosts.map(({ name }) => name)).toEqual(['xenhv01', 'xenhv02']))
    // It was not there when the token was used.
    expect(controller.fleet.snapshot().hosts.size).toBe(1)
    await until(async () =>
      expect(await controller.counted('refusedConnections', 'host-not-granted')).toBeGreaterThan(0),
    )
  })

  it('joins for the hosts that are there, as the owner of the data directory', async () => {
    const [first, second] = hosts
    await second.sshd.cut()
    const owned = join(agentDir.path, 'owned')
    mkdirSync(join(owned, 'ssh'), { recursive: true })
    copyFileSync(first.sshd.target.identityFile, join(owned, 'ssh/key'))
    copyFileSync(first.sshd.target.knownHostsFile, join(owned, 'ssh/known_hosts'))
    for (const file of ['', 'ssh', 'ssh/key', 'ssh/known_hosts']) chownSync(join(owned, file), 65_534, 65_534)
    chownSync(agentDir.path, 65_534, 65_534)
    const { host, port, user } = first.sshd.target
    const configFile = join(agentDir.path, 'agent.yaml')
    const hypervisors = [
      // Key and known hosts where they are looked for.
      { kind: 'libvirt', uri: 'xen:///system', name: 'xenhv01', ssh: { host, port, user } },
      entry(second, 'xenhv02'),
    ]
    writeFileSync(configFile, stringify({ data: owned, hypervisors }))
    const printed: string[] = []
    await joinController(
      ['--controller', controller.address, '--token', await controller.token(), '--config', configFile],
      {
        readStdin: () => Promise.resolve(''),
        print: (line) => printed.push(line),
        now: () => Date.now(),
        version: '',
        service: () => undefined,
        signal: new AbortController().signal,
      },
    )
    expect(printed.slice(0, 2)).toEqual([
      expect.stringMatching(
        /^Not there: the hypervisor \(xenhv02 over ssh\): .*Connection refused\. When it is, its host has to be granted\.$/,
      ),
      expect.stringMatching(/^Joined .* for xenhv01\.$/),
    ])
    await until(() => expect(first.sshd.processes()).toEqual([]))
  })
})
