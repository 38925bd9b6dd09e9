import { afterEach, expect, test } from 'vitest'

import type { Tree } from '../../../test/fixtures/proc/build-tree.js'
import { recordedTree } from '../../../test/fixtures/xen/recorded-host.js'
import { createLog } from '../../../common/log.js'
import { createLocalFiles } from '../../host/local-files.js'
import { createMachine } from '../../host/machine.js'
import type { Machine } from '../../schedule/host-loop.js'
import type { HostFacts } from '../hypervisor.js'
import { dom0Machine } from './dom0-machine.js'

let tree: Tree | undefined
afterEach(() => tree?.remove())

const known: HostFacts = {
  name: 'xenhv01',
  hypervisorVersion: 'Xen 4.17.7',
  cpuCores: 4,
  cpuThreads: 4,
  cpuMhz: 2400,
  memoryBytes: 8e9,
}

async function machineOf(laid: Tree): Promise<Machine> {
  tree = laid
  const machine = await createMachine({ ...laid, files: createLocalFiles(), log: createLog('test', 'silent') })
  return dom0Machine({
    async sample(signal) {
      const { host, runs } = await machine.sample(signal)
      return { host, collectors: runs }
    },
    // dom0 has one virtual CPU and half a gigabyte.
    complete: async (facts) => ({ ...facts, cpuCores: 1, cpuThreads: 1, cpuMhz: 1, memoryBytes: 5e8, os: 'Debian 12' }),
    capabilities: async () => [
      { name: 'host-cpu', support: 'yes' },
      { name: 'host-memory', support: 'yes' },
      { name: 'host-psi', support: 'yes' },
      { name: 'array-counters', support: 'degraded', reason: 'x' },
    ],
    arrays: async () => [],
  })
}

test("recorded: dom0's share of CPU and memory is not taken for the machine's", async () => {
  const { host, collectors } = await (await machineOf(recordedTree())).sample(new AbortController().signal)
  expect(collectors.filter(({ success }) => success).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['cpu', 'meminfo', 'diskstats']),
  )
  expect(Object.keys(host).filter((name) => /^(cpu|memory)/.test(name))).toEqual([])
  expect(host.disks?.find(({ device }) => device === 'vda')?.readBytes).toBe(159_890 * 512)
})

test('facts of the CPUs and the memory are those of the hypervisor', async () => {
  expect(await (await machineOf(recordedTree())).complete(known)).toEqual({ ...known, os: 'Debian 12' })
})

test('capabilities of the machine, as far as dom0 can speak for it', async () => {
  expect(await (await machineOf(recordedTree())).capabilities()).toEqual([
    { name: 'host-psi', support: 'degraded', reason: expect.stringContaining("dom0's own kernel") },
    { name: 'array-counters', support: 'degraded', reason: 'x' },
  ])
})
