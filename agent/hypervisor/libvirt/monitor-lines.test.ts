import { setMaxListeners } from 'node:events'

import { afterEach, describe, expect, it, vi } from 'vitest'

import { startFakeDaemon, type FakeDaemon } from '../../../test/support/libvirt-fake-daemon.js'
import { HypervisorUnavailable } from '../hypervisor.js'
import { RpcConnection, type Caller } from './connection.js'
import { unixSocket } from './endpoint.js'
import { AllLinesStuck, lineCount, MonitorLines } from './monitor-lines.js'
import { CallAbandoned } from './rpc-error.js'

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const nothing = Buffer.alloc(0)
const signal = new AbortController().signal
setMaxListeners(0, signal)
/** A procedure that the daemon answers, and one that it does not. */
const healthy = 1
const hanging = 2

async function start(): Promise<{ daemon: FakeDaemon; lines: MonitorLines }> {
  const daemon = await startFakeDaemon((call) => (call.procedure === hanging ? 'silence' : nothing))
  stops.push(() => daemon.stop())
  const lines = new MonitorLines({ open: () => RpcConnection.connect({ endpoint: unixSocket(daemon.path) }) })
  stops.push(() => lines.close())
  return { daemon, lines }
}

async function hang(lines: MonitorLines): Promise<void> {
  await expect(lines.run((caller) => caller.call(hanging, nothing), 20, signal)).rejects.toThrow(CallAbandoned)
}

describe('MonitorLines', () => {
  it('asks no more VMs at a time than there are lines', async () => {
    const { lines } = await start()
    let now = 0
    let most = 0
    const work = async (caller: Caller): Promise<void> => {
      now += 1
      most = Math.max(most, now)
      await caller.call(healthy, nothing)
      now -= 1
    }
    await Promise.all(Array.from({ length: 20 }, () => lines.run(work, 1000, signal)))
    expect(most).toBe(lineCount)
  })

  it('shares the deadline among all calls of one VM', async () => {
    const { lines } = await start()
    const work = async (caller: Caller): Promise<void> => {
      await caller.call(healthy, nothing)
      await new Promise((resolve) => {
        setTimeout(resolve, 60)
      })
      await caller.call(hanging, nothing)
    }
    const began = performance.now()
    await expect(lines.run(work, 100, signal)).rejects.toThrow(CallAbandoned)
    expect(performance.now() - began).toBeLessThan(160)
  })

  it('takes a fresh connection when hanging VMs hold every line, and the others go on', async () => {
    const { daemon, lines } = await start()
    await Promise.all(Array.from({ length: lineCount }, () => hang(lines)))
    expect(lines.stuck).toBe(lineCount)
    await lines.run((caller) => caller.call(healthy, nothing), 1000, signal)
    expect(daemon.connections).toHaveLength(2)

    for (const call of daemon.calls.filter(({ procedure }) => procedure === hanging)) daemon.answer(call, nothing)
    await vi.waitFor(() => expect(lines.stuck).toBe(0))
    await vi.waitFor(() => expect(daemon.connections[0]?.destroyed).toBe(true))
    await lines.run((caller) => caller.call(healthy, nothing), 1000, signal)
    expect(daemon.connections).toHaveLength(2)
  })

  it('stops before it has taken half of the daemon’s workers', async () => {
    const { daemon, lines } = await start()
    for (let round = 0; round < 3; round += 1) await Promise.all(Array.from({ length: lineCount }, () => hang(lines)))
    await expect(lines.run((caller) => caller.call(healthy, nothing), 1000, signal)).rejects.toThrow(AllLinesStuck)
    expect(lines.stuck).toBe(9)
    expect(daemon.connections).toHaveLength(3)
  })

  it('lets nobody wait when it is closed or the daemon cannot be reached', async () => {
    const { lines } = await start()
    lines.close()
    await expect(lines.run(() => Promise.resolve(), 1000, signal)).rejects.toThrow(HypervisorUnavailable)
    const unreachable = new MonitorLines({
      open: () => RpcConnection.connect({ endpoint: unixSocket('/nonexistent/sock') }),
    })
    for (let tries = 0; tries < 5; tries += 1) {
      await expect(unreachable.run(() => Promise.resolve(), 1000, signal)).rejects.toThrow(HypervisorUnavailable)
    }
  })
})
