import { fileURLToPath } from 'node:url'

import { pino } from 'pino'
import { afterEach, expect, test } from 'vitest'

import { buildTree, type Tree } from '../../test/fixtures/proc/build-tree.js'
import { createLocalFiles } from './local-files.js'
import { createMachine } from './machine.js'
import { defaultRoots } from './roots.js'

let tree: Tree | undefined
afterEach(() => tree?.remove())

const files = createLocalFiles()
const log = pino({ level: 'silent' })
const quiet = (): AbortSignal => new AbortController().signal
const collectors = ['cpu', 'loadavg', 'meminfo', 'vmstat', 'psi', 'uptime', 'diskstats', 'net', 'file-systems']

test('a recorded machine, whole', async () => {
  const procRoot = fileURLToPath(new URL('../../test/fixtures/proc/virtual-machine', import.meta.url))
  const machine = await createMachine({ files, procRoot, sysRoot: '/nonexistent', rootFs: '/', log })
  const { host, runs } = await machine.sample(quiet())
  expect(runs.map(({ name, success, error }) => [name, success, error])).toEqual(
    collectors.map((name) => [name, true, '']),
  )
  const { fileSystems, unreadFileSystems, ...rest } = host
  expect(fileSystems?.map(({ mount, device, type }) => [mount, device, type])).toEqual([['/', '/dev/vda', 'ext4']])
  expect(unreadFileSystems).toEqual([])
  expect(rest).toEqual({
    cpuUserSeconds: 221.24,
    dirtyBytes: 147_456,
    writebackBytes: 0,
    dirtyBackgroundBytes: 2_483_691_520,
    dirtyLimitBytes: 4_973_457_408,
    cpuSystemSeconds: 98.5,
    cpuIdleSeconds: 4054.9,
    cpuIowaitSeconds: 10.33,
    cpuStealSeconds: 8.31,
    cpuGuestSeconds: 0,
    cpuThreads: 2,
    load1: 0.33,
    load5: 0.23,
    load15: 0.14,
    memoryBytes: 24684084 * 1024,
    memoryFreeBytes: 24221440 * 1024,
    memoryAvailableBytes: 24252760 * 1024,
    swapBytes: 0,
    swapFreeBytes: 0,
    swapInBytes: 0,
    swapOutBytes: 0,
    psiCpuSomeSeconds: 40.89339,
    psiMemorySomeSeconds: 0,
    psiMemoryFullSeconds: 0,
    psiIoSomeSeconds: 8.58834,
    psiIoFullSeconds: 7.839694,
    uptimeSeconds: 2201.24,
    disks: [
      {
        device: 'vda',
        readRequests: 85130,
        readBytes: 7365890 * 512,
        readSeconds: 72.48,
        writeRequests: 23430,
        writeBytes: 4943544 * 512,
        writeSeconds: 16.721,
        inFlight: 0,
        busySeconds: 15.636,
        flushRequests: 3111,
        flushSeconds: 0.15,
      },
    ],
    networks: [
      {
        device: 'eth0',
        receiveBytes: 688422477,
        receivePackets: 17790,
        receiveErrors: 0,
        receiveDrops: 0,
        transmitBytes: 1272503,
        transmitPackets: 10137,
        transmitErrors: 0,
        transmitDrops: 0,
      },
    ],
  })
})

test('a machine without anything: every failure has its name, and nothing is made up', async () => {
  tree = buildTree('')
  const { host, runs } = await (await createMachine({ files, ...tree, log })).sample(quiet())
  expect(host).toEqual({})
  expect(runs.filter(({ success }) => success).map(({ name }) => name)).toEqual(['psi', 'net'])
  expect(runs.find(({ name }) => name === 'cpu')?.error).toContain('ENOENT')
})

test('garbage in one file costs that file', async () => {
  tree = buildTree(String.raw`
    proc/loadavg = rubbish
    proc/uptime = 12.5 3.0
  `)
  const { host, runs } = await (await createMachine({ files, ...tree, log })).sample(quiet())
  expect(host).toEqual({ uptimeSeconds: 12.5 })
  expect(runs.find(({ name }) => name === 'loadavg')).toMatchObject({
    success: false,
    error: '/proc/loadavg:1: expected a number in column 1, got "rubbish"',
  })
})

test.runIf(process.platform === 'linux')('this very machine', async () => {
  const machine = await createMachine({ files, ...defaultRoots, log })
  const { host, runs } = await machine.sample(quiet())
  expect(runs.filter(({ success }) => !success)).toEqual([])
  expect(host.cpuThreads).toBeGreaterThan(0)
  expect(host.memoryBytes).toBeGreaterThan(2 ** 20)
  expect(machine.skippedRuns()).toBe(0)
})
