import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { busyProcessesCollector } from '../../agent/host/busy-processes.js'
import { createLocalFiles } from '../../agent/host/local-files.js'
import type { ArrayFacts } from '../../agent/hypervisor/hypervisor.js'
import { ArrayCounters } from '../../agent/storage/array-counters.js'
import { startCanaryThread } from '../../agent/storage/canary/canary-thread.js'
import { tgtSource } from '../../agent/storage/exports/tgt.js'
import { withStripeCaches } from '../../agent/storage/stripe-cache.js'

/**
 * CPU of the agent's own for one beat of what it reads each second of arrays, on a made-up host: `--arrays` arrays with `--devices`
 * devices each, among 300 block devices; and of a storage server whose tgtd exports 32 LUNs, each to `--sessions` hosts. Apart from it a canary's write, and a pass over the processes of this machine. What the disks
 * of VMs cost is `bench agent`'s.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arrays: { type: 'string', default: '8' },
      devices: { type: 'string', default: '8' },
      sessions: { type: 'string', default: '8' },
    },
  })
  const directory = mkdtempSync(join(tmpdir(), 'headroom-bench-'))
  try {
    const tgtMs = await tgtBeat(join(directory, 'tgtd'), Number(values.sessions))
    const arrayMs = await arrayBeat(directory, Number(values.arrays), Number(values.devices))
    const canaryMs = await canaryBeat(directory)
    const processesMs = await processesPass()
    const figures = { arrayMs, tgtMs, canaryMs, processesMs }
    for (const [name, ms] of Object.entries(figures)) console.log(`${name}: ${ms.toFixed(3)} ms of CPU`)
    console.log(JSON.stringify({ bench: 'array-counters', ...values, ...figures }))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

async function arrayBeat(directory: string, arrays: number, devices: number): Promise<number> {
  const facts: readonly ArrayFacts[] = Array.from({ length: arrays }, (_a, array) => ({
    key: `iscsi:iqn.${array}`,
    name: `md${array}`,
    kind: array === 0 ? 'md' : 'iscsi',
    devices: Array.from({ length: devices }, (_d, device) => `sd${array * devices + device}`),
  }))
  const lines = Array.from({ length: 300 }, (_, at) => `   8  ${at} sd${at} ${'123456 '.repeat(17).trim()}`)
  mkdirSync(join(directory, 'block/md0/md'), { recursive: true })
  writeFileSync(join(directory, 'diskstats'), `${lines.join('\n')}\n`)
  for (const name of ['active', 'size']) writeFileSync(join(directory, `block/md0/md/stripe_cache_${name}`), '256\n')
  const files = createLocalFiles()
  const counters = new ArrayCounters(directory, files)
  const beat = async (): Promise<unknown> => withStripeCaches(await counters.read(facts), facts, directory, files)
  return cpuMsOf(2000, beat)
}

/** A process that answers as tgtd does, with the texts that tgt 1.0.85 prints for 4 targets of 8 LUNs, each LUN used by `sessions` of them. */
async function tgtBeat(path: string, sessions: number): Promise<number> {
  const answers = `
    const line = (tid, lun, sid) => [tid, lun, sid, 1048576, 200, 1048576, 200, 73014444032, 178268, 73014444032, 178268, 0].join(' ')
    const range = (n, of) => Array.from({ length: n }, (_, at) => of(at + 1)).join('\\n')
    const stat = 'tgt lun sid rd_subm(bytes,cmds) rd_done(bytes,cmds) wr_subm(bytes,cmds) wr_done(bytes,cmds) errs\\n' +
      range(4, (tid) => range(8, (lun) => range(${sessions}, (sid) => line(tid, lun, sid)))) + '\\n'
    const show = range(4, (tid) => 'Target ' + tid + ': iqn.2026-01.test:box' + tid + '\\n    I_T nexus information:\\n' +
      range(${sessions}, (sid) => '        I_T nexus: ' + sid + '\\n            Initiator: iqn.1993-08.org.debian:01:' + sid + ' alias: host' + sid +
        '\\n            Connection: 0\\n                IP Address: 10.0.0.' + sid) + '\\n    LUN information:\\n' +
      range(8, (lun) => '        LUN: ' + lun + '\\n            Type: disk\\n            Backing store path: /dev/vg/lun' + tid + lun))
    require('node:net').createServer((socket) => socket.once('data', (asked) => {
      const text = Buffer.from(asked.readInt32LE(4) === 6 ? stat : show)
      const heading = Buffer.alloc(8)
      heading.writeUInt32LE(text.length + 8, 4)
      socket.end(Buffer.concat([heading, text]))
    })).listen(process.argv[1], () => console.log('listens'))`
  const server = spawn(process.execPath, ['-e', answers, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(server.stdout, 'data')
    let nowMs = 0
    const source = tgtSource(path, () => nowMs)
    const rows = (await source.read()).length
    if (rows !== 32 * sessions) throw new Error(`expected ${32 * sessions} rows, got ${rows}`)
    return await cpuMsOf(300, () => {
      nowMs += 1000
      return source.read()
    })
  } finally {
    server.kill()
  }
}

async function canaryBeat(directory: string): Promise<number> {
  const thread = startCanaryThread(join(directory, 'headroom-canary'))
  let isFirst = true
  const idle = await cpuMsOf(200, () => delay(20))
  const ms = await cpuMsOf(200, () => {
    if (thread.ended() !== undefined || isFirst) thread.begin()
    isFirst = false
    return delay(20)
  })
  await thread.stop()
  return ms - idle
}

function processesPass(): Promise<number> {
  const collector = busyProcessesCollector('/proc', createLocalFiles(), () => performance.now())
  const { signal } = new AbortController()
  return cpuMsOf(50, () => collector.collect(signal))
}

/** Of one, after some to warm up. */
async function cpuMsOf(times: number, work: () => Promise<unknown>): Promise<number> {
  for (let time = 0; time < times / 4; time += 1) await work()
  const before = process.cpuUsage()
  for (let time = 0; time < times; time += 1) await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / times
}

await main()
