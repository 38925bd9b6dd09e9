import fc from 'fast-check'
import { expect, test } from 'vitest'

import { recorded } from '../../../test/fixtures/xen/recorded-host.js'
import { damaged, unlessItThrows } from '../../../test/support/damaged-text.js'
import { parseToolInfo, type ToolInfo } from './tool-info.js'
import { XenToolError } from './xen-tools.js'

const mebibyte = 2 ** 20

test.each<[string, string, ToolInfo]>([
  [
    'recorded: xl of Xen 4.17',
    'xl-info.txt',
    {
      host: {
        uuid: undefined,
        hypervisorVersion: 'Xen 4.17.7',
        cpuThreads: 1,
        cpuCores: 1,
        cpuMhz: 2596,
        numaNodes: 1,
        memoryBytes: 1023 * mebibyte,
      },
      freeBytes: 242 * mebibyte,
    },
  ],
  [
    'hand-written: xm of Xen 3.4',
    'xm-info.txt',
    {
      host: {
        uuid: undefined,
        hypervisorVersion: 'Xen 3.4.3',
        cpuThreads: 4,
        cpuCores: 4,
        cpuMhz: 2393,
        numaNodes: 1,
        memoryBytes: 12_278 * mebibyte,
      },
      freeBytes: 1460 * mebibyte,
    },
  ],
])('%s', (_, file, expected) => {
  expect(parseToolInfo(recorded(file))).toEqual(expected)
})

const least = [
  'nr_cpus: 8',
  'total_memory: 100',
  'free_memory: 0',
  'xen_major: 4',
  'xen_minor: 18',
  'xen_extra: -unstable',
]
const infoWith = (...more: readonly string[]): string => [...more, ...least].join('\n')

test.each<[string, string, object]>([
  ['no more than is needed', infoWith(), { hypervisorVersion: 'Xen 4.18-unstable', cpuThreads: 8 }],
  ['two threads a core', infoWith('threads_per_core: 2'), { cpuCores: 4 }],
  ['threads that do not fit', infoWith('threads_per_core: 3'), { cpuThreads: 8 }],
  ['a clock that is none', infoWith('cpu_mhz: fast'), { cpuThreads: 8 }],
  ['a key twice: the first', infoWith('nr_cpus: 2'), { cpuThreads: 2 }],
  ['lines of a list', infoWith('node_to_cpu : node0:0-3', '                          node1:4-7'), { cpuThreads: 8 }],
])('%s', (_, text, expected) => {
  const { host } = parseToolInfo(text)
  expect(host).toMatchObject(expected)
  expect('cpuCores' in host).toBe('cpuCores' in expected)
  expect(host).not.toHaveProperty('cpuMhz')
})

test.each<[string, string, RegExp]>([
  ['nothing', '', /info: nr_cpus: expected a number, got ""/],
  ['no memory', infoWith().replace('total_memory', 'x'), /total_memory: expected a number/],
  ['memory of letters', infoWith().replace('free_memory: 0', 'free_memory: much'), /free_memory.*got "much"/],
  ['no version', infoWith().replace('xen_major', 'x'), /expected a version, got "\.18-unstable"/],
])('%s', (_, text, message) => {
  expect(() => parseToolInfo(text)).toThrow(XenToolError)
  expect(() => parseToolInfo(text)).toThrow(message)
})

test('any text: the host, or the one error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), damaged(recorded('xl-info.txt'))), (text) => {
      const info = unlessItThrows(XenToolError, () => parseToolInfo(text))
      const { memoryBytes, cpuThreads, cpuMhz } = info?.host ?? { memoryBytes: 0, cpuThreads: 0 }
      for (const value of [memoryBytes, cpuThreads, cpuMhz ?? 0, info?.freeBytes ?? 0]) {
        expect(Number.isSafeInteger(value)).toBe(true)
      }
    }),
  )
})
