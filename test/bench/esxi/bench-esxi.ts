import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { startVsphereDouble, doublePassword, doubleUser, type VsphereDouble } from '../../support/vsphere-double.js'
import { StoredWitness } from '../../support/vsphere-double-witness.js'
import { doubleIntervalMs } from '../../support/vsphere-double-world.js'
import { residentMiB, spentSeconds, threadCpu } from '../agent/cpu-meter.js'
import { median } from '../agent/median.js'
import { startBenchAgent, startBenchController, type BenchAgent, type BenchController } from '../agent/our-agent.js'

/**
 * The installed agent beside a vSphere of 500 VMs, in real time: CPU that it takes in each of some rounds of whole intervals,
 * and then whether all samples arrived once while the session expired, the server was away for a minute and the agent was
 * started again. The vSphere is our own double, in this process and not measured; what it counted is the witness.
 */
const barShare = 0.1
const outageMs = 60_000

interface World {
  readonly double: VsphereDouble
  readonly controller: BenchController
  readonly witness: StoredWitness
  readonly hypervisor: Readonly<Record<string, unknown>>
  agent: BenchAgent
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      vms: { type: 'string', default: '500' },
      rounds: { type: 'string', default: '3' },
      /** Of 20 s, in each round. */
      intervals: { type: 'string', default: '3' },
      /** Only CPU. */
      calm: { type: 'boolean', default: false },
    },
  })
  const vms = Number(values.vms)
  const world = await raise(vms)
  try {
    const { witness, double, controller } = world
    await world.agent.until(
      () => controller.ingest.fleet.snapshot().vms.size === vms && witness.all('cpuCores').length >= vms,
    )
    const beganMs = nextEnd(Date.now())
    // The next whole interval, and the beginning of the next: what comes first costs more.
    await delay(beganMs + doubleIntervalMs - Date.now())
    const shares: number[] = []
    const sizes: number[] = []
    for (let round = 0; round < Number(values.rounds); round += 1) {
      const { share, rssMiB } = await measure(world.agent, Number(values.intervals) * doubleIntervalMs)
      console.log(`round ${round + 1}: ${(share * 100).toFixed(2)} % of a core, ${rssMiB.toFixed(1)} MiB`)
      shares.push(share)
      sizes.push(rssMiB)
    }
    if (!values.calm) await makeTrouble(world)
    const endMs = nextEnd(Date.now()) - doubleIntervalMs
    await delay(2 * doubleIntervalMs)
    const { right, problems } = witness.compare(double.world, { fromMs: beganMs, toMs: endMs })
    for (const problem of problems.slice(0, 20)) console.log(problem)
    const snapshot = controller.ingest.fleet.snapshot()
    const complete =
      snapshot.vms.size === vms && [...snapshot.vms.values()].every(({ diskIds }) => diskIds.length === 2)
    const cpuShare = Number(median(shares).toFixed(4))
    const passed = cpuShare <= barShare && complete && problems.length === 0 && witness.doubled.length === 0
    const figures = { vms, cpuShare, rssMiB: Number(Math.max(...sizes).toFixed(1)), logins: double.count('Login') }
    const samples = { intervals: (endMs - beganMs) / doubleIntervalMs, right, wrong: problems.length }
    const doubled = witness.doubled.length
    console.log(JSON.stringify({ bench: 'esxi', ...figures, complete, ...samples, doubled, passed }))
    process.exitCode = passed ? 0 : 1
  } finally {
    await world.agent.stop()
    await world.controller.stop()
    await world.double.close()
  }
}

async function raise(vms: number): Promise<World> {
  const double = await startVsphereDouble({ now: () => Date.now(), vms })
  const witness = new StoredWitness()
  const controller = await startBenchController((point) => witness.keep(point))
  const passwordFile = join(controller.directory, 'password')
  await writeFile(passwordFile, doublePassword, { mode: 0o600 })
  const { thumbprint } = double
  const hypervisor = { kind: 'esxi', url: double.url.href, user: doubleUser, passwordFile, thumbprint }
  return { double, controller, witness, hypervisor, agent: await startBenchAgent(controller, hypervisor) }
}

/** The end of the interval that runs at that moment. */
function nextEnd(atMs: number): number {
  return Math.ceil(atMs / doubleIntervalMs) * doubleIntervalMs
}

async function measure({ pid }: BenchAgent, durationMs: number): Promise<{ share: number; rssMiB: number }> {
  const beganAt = performance.now()
  const before = threadCpu([pid])
  await delay(durationMs)
  const after = threadCpu([pid])
  return { share: spentSeconds(before, after) / ((performance.now() - beganAt) / 1000), rssMiB: residentMiB(pid) }
}

async function makeTrouble(world: World): Promise<void> {
  const { double, controller, hypervisor } = world
  console.log('the session expires')
  double.expireSessions()
  await delay(2 * doubleIntervalMs)
  console.log(`the server is away for ${outageMs / 1000} s`)
  double.outage(true)
  await delay(outageMs)
  double.outage(false)
  await delay(2 * doubleIntervalMs)
  console.log('the agent ends, and is started again after half a minute')
  await world.agent.stop()
  await delay(30_000)
  world.agent = await startBenchAgent(controller, hypervisor)
  await delay(2 * doubleIntervalMs)
}

await main()
