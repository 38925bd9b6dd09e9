import { parseArgs } from 'node:util'
import { setTimeout as delay } from 'node:timers/promises'

import { spentSeconds, threadCpu, type ThreadCpu } from './cpu-meter.js'
import { raiseGuests, type GuestWorld } from './guests.js'
import { median } from './median.js'
import { startOurAgent } from './our-agent.js'
import { startCollectd, startExporter, type RunningTool } from './peers.js'

/**
 * CPU that reading 50 guests costs: of the tool, of libvirtd and of the guests' QEMU processes, in turns with two peers on
 * the same guests. Of QEMU only the main and the monitor's thread count, less what they use while nobody reads: vCPU threads
 * run the guest, worker threads its I/O.
 */
const tools: Record<string, ((socket: string) => Promise<RunningTool>) | undefined> = {
  nobody: undefined,
  headroom: startOurAgent,
  collectd: startCollectd,
  exporter: startExporter,
}
const warmUpMs = 12_000

interface Turn {
  readonly tool: string
  /** CPU milliseconds a second. */
  readonly ownMs: number
  readonly libvirtdMs: number
  readonly qemuMs: number
  readonly qemuAllMs: number
  readonly readingsPerSecond: number
  readonly rssMiB: number
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      guests: { type: 'string', default: '50' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '30' },
      only: { type: 'string' },
    },
  })
  const guests = Number(values.guests)
  const names = Object.keys(tools).filter((name) => values.only === undefined || values.only.split(',').includes(name))
  const world = await raiseGuests(guests, console.log)
  const turns: Turn[] = []
  try {
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const name of names) {
        const turn = await measure(world, name, Number(values.seconds) * 1000)
        turns.push(turn)
        console.log(shown(turn))
      }
    }
  } finally {
    await world.stop()
  }
  const cost = (name: string): number =>
    median(turns.filter(({ tool }) => tool === name).map((turn) => total(turn, turns)))
  for (const name of names) console.log(`${name}: ${cost(name).toFixed(1)} ms of CPU a second`)
  const ratio = (peer: string): number => Number((cost('headroom') / cost(peer)).toFixed(3))
  console.log(
    JSON.stringify({
      bench: 'agent',
      guests,
      ratioToCollectd: ratio('collectd'),
      ratioToExporter: ratio('exporter'),
      rssMiB: Number(
        Math.max(...turns.filter(({ tool }) => tool === 'headroom').map(({ rssMiB }) => rssMiB)).toFixed(1),
      ),
    }),
  )
}

async function measure(world: GuestWorld, name: string, durationMs: number): Promise<Turn> {
  const tool = await tools[name]?.(world.daemon.socket)
  try {
    await delay(warmUpMs)
    const read = (): Record<'own' | 'libvirtd' | 'qemu' | 'qemuAll', ThreadCpu> => ({
      own: threadCpu(tool === undefined ? [] : [tool.pid]),
      libvirtd: threadCpu(world.libvirtdPids),
      qemu: threadCpu(world.qemuPids, (thread) => thread === 'qemu-system-x86' || thread.startsWith('IO mon')),
      qemuAll: threadCpu(world.qemuPids),
    })
    const beganAt = performance.now()
    const before = read()
    const readingsBefore = tool?.diskReadings() ?? 0
    await delay(durationMs)
    const after = read()
    const seconds = (performance.now() - beganAt) / 1000
    const readings = (tool?.diskReadings() ?? 0) - readingsBefore
    const spent = (what: keyof typeof before): number => (spentSeconds(before[what], after[what]) / seconds) * 1000
    return {
      tool: name,
      ownMs: spent('own'),
      libvirtdMs: spent('libvirtd'),
      qemuMs: spent('qemu'),
      qemuAllMs: spent('qemuAll'),
      readingsPerSecond: readings / seconds,
      rssMiB: tool?.residentMiB() ?? 0,
    }
  } finally {
    await tool?.stop()
  }
}

/** What the tool costs beyond what libvirtd and QEMU use when nobody reads. */
function total(turn: Turn, turns: readonly Turn[]): number {
  const idle = turns.filter(({ tool }) => tool === 'nobody')
  const without = (pick: (turn: Turn) => number): number => (idle.length === 0 ? 0 : median(idle.map(pick)))
  return turn.ownMs + turn.libvirtdMs - without((one) => one.libvirtdMs) + turn.qemuMs - without((one) => one.qemuMs)
}

function shown(turn: Turn): string {
  const figures = [
    ['own', turn.ownMs],
    ['libvirtd', turn.libvirtdMs],
    ['qemu', turn.qemuMs],
    ['qemu with guests', turn.qemuAllMs],
  ] as const
  const costs = figures.map(([what, ms]) => `${what} ${ms.toFixed(1)}`).join(', ')
  const rest = `${turn.readingsPerSecond.toFixed(0)} disk readings/s, ${turn.rssMiB.toFixed(1)} MiB`
  return `${turn.tool.padEnd(9)} ${costs} ms/s; ${rest}`
}

await main()
