import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { temporaryDirectory } from '../../support/running-product.js'
import { waitFor } from '../../support/wait-for.js'
import { bootXen, type XenHost } from '../../xen/boot-xen.js'
import { controllerPort, joinFromDom0, startController, startDom0Agent } from '../../xen/product-on-xen.js'
import { Watcher } from '../../xen/watcher.js'
import { defineXenGuests } from '../../xen/xen-guest.js'
import { median } from '../agent/median.js'

/**
 * CPU that reading some guests costs in the dom0 of a real Xen: our agent at its default intervals with libvirtd and xenstored,
 * in turns with `xentop -b -d 10` and xenstored. Less what libvirtd and xenstored use when nobody reads. All of it is emulated:
 * only the ratio says something.
 */
const warmUpMs = 25_000

/** What a turn measures, by the names of the processes. */
const turns = {
  nobody: ['libvirtd', 'xenstored'],
  headroom: ['agent', 'libvirtd', 'xenstored'],
  xentop: ['xentop', 'xenstored'],
} as const

/** CPU milliseconds a second, by process. */
type Costs = Readonly<Record<string, number>>

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      guests: { type: 'string', default: '20' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '60' },
    },
  })
  const directory = await temporaryDirectory('headroom-bench-xen-')
  const controller = await startController(directory.path)
  let xen: XenHost | undefined
  try {
    const guestCount = Number(values.guests)
    xen = await bootXen({
      product: true,
      // A guest's own 80 MiB and what Xen needs for it.
      memoryMiB: 1024 + guestCount * 96,
      outsidePorts: { [controllerPort]: controller.grpcPort },
      onProgress: console.log,
    })
    const booted = xen
    const names = Array.from({ length: guestCount }, (_, index) => ({ name: `pv${index + 1}` }))
    const guests = await defineXenGuests(xen, names)
    for (const [index, guest] of guests.entries()) {
      // Two at a time: there are two processors.
      if (index % 2 === 0) await Promise.all([guest.start(), guests[index + 1]?.start()])
      console.log(`${guest.name} is up`)
    }
    // Four pieces a second: disks that move are read each second.
    await guests[0]?.tell('load write xvda 256')
    const joined = await joinFromDom0(xen, controller)
    const watcher = new Watcher('the agent', controller)
    const readAll = async (sinceMs: number): Promise<void> => {
      await waitFor(600_000, 'all guests at the controller', async () => {
        const vms = await watcher.vms().catch(() => [])
        return vms.length === names.length && vms.every(({ lastSampleAt }) => (lastSampleAt ?? 0) > sinceMs)
      })
    }
    await readAll(0)
    await joined.stop()
    const starts: Starts = {
      nobody: undefined,
      headroom: async () => {
        const sinceMs = Date.now()
        const agent = await startDom0Agent(booted)
        // Its start alone takes a minute in there, and is not what reading costs.
        await readAll(sinceMs)
        return agent
      },
      xentop: () => startXentop(booted),
    }
    const measured: Record<keyof typeof turns, Costs[]> = { nobody: [], headroom: [], xentop: [] }
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const name of ['nobody', 'headroom', 'xentop'] as const) {
        const costs = await turn(xen, name, starts[name], Number(values.seconds) * 1000)
        measured[name].push(costs)
        console.log(`${name.padEnd(9)} ${shown(costs)}`)
      }
    }
    const calls = await countCalls(xen, starts.headroom, names.length, Number(values.seconds) * 1000)
    report(names.length, measured, calls)
  } finally {
    await xen?.stop()
    await controller.stop()
    await directory.remove()
  }
}

interface Running {
  /** In dom0. */
  pid(): Promise<number>
  stop(): Promise<unknown>
}

interface Starts {
  readonly nobody: undefined
  readonly headroom: () => Promise<Running>
  readonly xentop: () => Promise<Running>
}

async function startXentop(xen: XenHost): Promise<Running> {
  const pid = Number(await xen.run('xentop -b -d 10 < /dev/null > /dev/null 2>&1 & echo $!'))
  return { pid: async () => pid, stop: () => xen.run(`kill ${pid}`) }
}

async function turn(
  xen: XenHost,
  name: keyof typeof turns,
  start: (() => Promise<Running>) | undefined,
  durationMs: number,
): Promise<Costs> {
  const started = await start?.()
  try {
    await delay(warmUpMs)
    const pid = await started?.pid()
    const processes = turns[name].map((process) => {
      const isDaemon = process === 'libvirtd' || process === 'xenstored'
      return `echo "${process} $(cat /proc/${isDaemon ? `$(pidof ${process})` : pid}/stat)"`
    })
    const read = async (): Promise<ReadonlyMap<string, number>> =>
      parseCpuMs(await xen.run(`echo "uptime $(cat /proc/uptime)"; ${processes.join('; ')}`))
    const before = await read()
    await delay(durationMs)
    const after = await read()
    const spent = (what: string): number => (after.get(what) ?? Number.NaN) - (before.get(what) ?? Number.NaN)
    return Object.fromEntries(turns[name].map((process) => [process, (spent(process) / spent('uptime')) * 1000]))
  } finally {
    await started?.stop()
  }
}

/** What our agent asks libvirt for. */
interface Calls {
  /** At each beat of the state lane: 10 s. */
  readonly perGuestAndBeat: number
  readonly forBlock: number
}

/** Numbers of libvirt's remote_protocol.x: DOMAIN_BLOCK_STATS, DOMAIN_BLOCK_STATS_FLAGS and CONNECT_GET_ALL_DOMAIN_STATS. */
const blockCalls: ReadonlySet<number> = new Set([64, 243, 344])

/** By libvirtd's own log of what comes in. */
async function countCalls(
  xen: XenHost,
  start: () => Promise<Running>,
  guests: number,
  durationMs: number,
): Promise<Calls> {
  const agent = await start()
  try {
    await delay(warmUpMs)
    const log = '/tmp/rpc.log'
    const admin = 'virt-admin -c libvirtd:///system'
    await xen.run(
      `${admin} daemon-log-outputs 1:file:${log} && ${admin} daemon-log-filters 1:rpc.netserverclient && : > ${log}`,
    )
    const from = Date.now()
    await delay(durationMs)
    // Of the remote protocol, calls only.
    const text = await xen.run(`grep -o 'MSG_RX.* prog=536903814 .* type=0 ' ${log} || true`)
    const beats = (Date.now() - from) / 10_000
    await xen.run(`${admin} daemon-log-filters ''; rm ${log}`)
    if (text === '') throw new Error('the agent called libvirt not once: what was counted is not what it does')
    const procedures = [...text.matchAll(/ proc=(\d+) /g)].map(([, number]) => Number(number))
    return {
      perGuestAndBeat: procedures.length / beats / guests,
      forBlock: procedures.filter((number) => blockCalls.has(number)).length,
    }
  } finally {
    await agent.stop()
  }
}

/** CPU time of each process so far (fields 14 and 15 of its stat, hundredths of a second), and how long dom0 is up. */
function parseCpuMs(text: string): Map<string, number> {
  const times = new Map<string, number>()
  for (const [, name = '', rest = ''] of text.matchAll(/^(\w+) (.*)$/gm)) {
    // The name of a program may contain anything.
    const fields = rest
      .slice(rest.lastIndexOf(')') + 1)
      .trim()
      .split(' ')
    times.set(name, name === 'uptime' ? Number(fields[0]) * 1000 : (Number(fields[11]) + Number(fields[12])) * 10)
  }
  return times
}

function shown(costs: Costs): string {
  return `${Object.entries(costs)
    .map(([process, ms]) => `${process} ${ms.toFixed(1)}`)
    .join(', ')} ms/s`
}

function report(guests: number, measured: Readonly<Record<keyof typeof turns, readonly Costs[]>>, calls: Calls): void {
  const idle = (process: string): number => median(measured.nobody.map((costs) => costs[process] ?? 0))
  const cost = (name: keyof typeof turns): number =>
    median(
      measured[name].map((costs) =>
        Object.entries(costs).reduce((sum, [process, ms]) => sum + Math.max(0, ms - idle(process)), 0),
      ),
    )
  const [ours, theirs] = [cost('headroom'), cost('xentop')]
  const rounded = (value: number): number => Number(value.toFixed(2))
  console.log(
    JSON.stringify({
      bench: 'xen',
      guests,
      headroomMsPerSecond: rounded(ours),
      xentopMsPerSecond: rounded(theirs),
      ratioToXentop: rounded(ours / theirs),
      libvirtCallsPerGuestAndBeat: rounded(calls.perGuestAndBeat),
      libvirtCallsForBlock: calls.forBlock,
    }),
  )
}

await main()
