import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import type { Caller } from './connection.js'
import { listedDomain } from './domain-state.js'
import {
  domainBlockStats,
  domainGetInfo,
  domainMemoryStats,
  getDomainStats,
  nodeGetInfo,
  procedure,
  statsGroup,
} from './procedures.js'
import { diskRaw, guestMemoryRaw, infoRaw, nicsRaw, vcpuWaitSeconds } from './to-raw.js'
import type { ParameterValue } from './typed-parameters.js'
import { XdrReader } from './xdr.js'

const recorded = z
  .record(z.string(), z.string())
  .parse(JSON.parse(readFileSync(new URL('fixtures/answers-libvirt-9.0.json', import.meta.url), 'utf8')))

/** Answers with what libvirt 9.0 once answered. */
const replay: Caller = {
  call: (number) => {
    const name = Object.entries(procedure).find(([, value]) => value === number)?.[0]
    return Promise.resolve(new XdrReader(Buffer.from(recorded[name ?? ''] ?? '', 'hex')))
  },
}
const alpha = { name: 'alpha', uuid: '81829711-6d74-402e-a757-2a5ddac00a2e', id: 1 }

describe('what libvirt 9.0 answered', () => {
  it('to a bulk call for state and NICs', async () => {
    const [stats] = await getDomainStats(replay, [], statsGroup.state | statsGroup.interface)
    if (stats === undefined) throw new Error('no VM')
    expect(stats.domain).toEqual(alpha)
    expect(listedDomain(stats)).toMatchObject({ state: 'running', reason: 'booted' })
    expect(nicsRaw(stats.parameters)).toEqual([
      expect.objectContaining({ device: 'vnet0', receiveErrors: 0, transmitDrops: 0 }),
    ])
  })

  it('about CPU time and sizes', async () => {
    expect(infoRaw(await domainGetInfo(replay, alpha))).toEqual({
      cpu: { cpuSeconds: 4.56, vcpus: 1 },
      size: { memoryMaxBytes: 96 * 2 ** 20, memoryBytes: 96 * 2 ** 20 },
    })
  })

  it('about a disk', async () => {
    expect(diskRaw('vda', await domainBlockStats(replay, alpha, 'vda'))).toMatchObject({
      target: 'vda',
      readRequests: 2,
      readBytes: 4608,
      writeRequests: 8,
      writeBytes: 8 * 2 ** 20,
      flushRequests: 0,
    })
  })

  it('about the guest’s memory', async () => {
    const stats = await domainMemoryStats(replay, alpha)
    const lastUpdate = Number(stats.get(9))
    expect(guestMemoryRaw(stats, lastUpdate * 1000 + 1500)).toEqual({
      memoryGuestUsedBytes: (62_020 - 40_484) * 1024,
      memoryGuestAvailableBytes: 40_484 * 1024,
      memoryGuestAgeMs: 1500,
      memorySwapInBytes: 0,
      memorySwapOutBytes: 0,
      memoryMajorFaults: 0,
    })
  })

  it('about the machine', async () => {
    expect(await nodeGetInfo(replay)).toMatchObject({ model: 'x86_64', cpus: 2, numaNodes: 1, cores: 2, threads: 1 })
  })
})

describe('what is not there stays absent', () => {
  it.each<[string, [number, bigint][], object]>([
    [
      'a guest that never reported',
      [
        [5, 100n],
        [8, 50n],
        [9, 0n],
      ],
      {},
    ],
    ['a driver that reports nothing', [], {}],
    [
      'an old guest',
      [
        [4, 30n],
        [5, 100n],
        [9, 10n],
      ],
      { memoryGuestUsedBytes: 70 * 1024, memoryGuestAvailableBytes: 30 * 1024, memoryGuestAgeMs: 0 },
    ],
    [
      'a guest whose figures contradict',
      [
        [5, 100n],
        [8, 200n],
        [9, 10n],
      ],
      { memoryGuestAvailableBytes: 200 * 1024, memoryGuestAgeMs: 0 },
    ],
  ])('%s', (_, stats, raw) => {
    expect(guestMemoryRaw(new Map(stats), 9000)).toEqual(raw)
  })

  it.each<[string, [string, ParameterValue][], object]>([
    ['no times', [['wr_bytes', 5n]], { target: 'vda', writeBytes: 5 }],
    [
      'minus one',
      [
        ['wr_bytes', -1n],
        ['errs', -1n],
      ],
      { target: 'vda' },
    ],
    [
      'no integer',
      [
        ['wr_bytes', 'x'],
        ['rd_bytes', 1.5],
      ],
      { target: 'vda' },
    ],
    ['nanoseconds', [['wr_total_times', 1_500_000_000n]], { target: 'vda', writeSeconds: 1.5 }],
  ])('%s of a disk', (_, parameters, raw) => {
    expect(diskRaw('vda', new Map(parameters))).toEqual(raw)
  })

  it('believes no number of NICs', () => {
    expect(
      nicsRaw(
        new Map<string, ParameterValue>([
          ['net.count', 2n ** 63n],
          ['net.0.name', 'vnet0'],
        ]),
      ),
    ).toEqual([{ device: 'vnet0' }])
  })
})

it.each<[string, [string, ParameterValue][], number | undefined]>([
  [
    'delay of all',
    [
      ['vcpu.0.delay', 1_000_000_000n],
      ['vcpu.1.delay', 500_000_000n],
      ['vcpu.0.wait', 9n],
    ],
    1.5,
  ],
  ['wait where there is no delay', [['vcpu.0.wait', 2_000_000_000n]], 2],
  ['neither', [['vcpu.0.time', 1n]], undefined],
])('vCPU wait: %s', (_, parameters, seconds) => {
  expect(vcpuWaitSeconds(new Map(parameters))).toBe(seconds)
})
