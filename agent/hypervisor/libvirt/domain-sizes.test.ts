import { expect, it } from 'vitest'

import { consoleLogPath } from './console-log-path.js'
import { hasAddedVcpus, parseSizes } from './domain-sizes.js'

function domain(content: string, devices = ''): string {
  return `<domain><name>a</name><uuid>00000000-0000-4000-8000-00000000000a</uuid>${content}<devices>${devices}</devices></domain>`
}

const MiB = 1_048_576

it.each([
  [
    'all of them',
    domain(
      `<memory unit='KiB'>131072</memory><currentMemory unit='KiB'>65536</currentMemory><vcpu current='1'>2</vcpu>`,
      `<memballoon model='virtio'><stats period='5'/></memballoon>`,
    ),
    { memoryBytes: 64 * MiB, memoryMaxBytes: 128 * MiB, vcpus: 1, vcpusMax: 2, statisticsSeconds: 5 },
  ],
  [
    'what is at its maximum',
    domain(`<memory unit='MiB'>128</memory><vcpu>2</vcpu>`, `<memballoon model='virtio'/>`),
    { memoryBytes: 128 * MiB, memoryMaxBytes: 128 * MiB, vcpus: 2, vcpusMax: 2, statisticsSeconds: 0 },
  ],
  [
    'no balloon',
    domain(`<memory unit='MiB'>128</memory><vcpu>2</vcpu>`, `<memballoon model='none'/>`),
    { memoryBytes: 128 * MiB, memoryMaxBytes: 128 * MiB, vcpus: 2, vcpusMax: 2, statisticsSeconds: undefined },
  ],
  [
    'metadata that cannot be parsed',
    domain(`<metadata><x:y></metadata><memory unit='MiB'>128</memory><vcpu current='x'>2</vcpu>`),
    { memoryBytes: 128 * MiB, memoryMaxBytes: 128 * MiB, vcpus: 2, vcpusMax: 2, statisticsSeconds: undefined },
  ],
])('reads sizes: %s', (_what, xml, sizes) => {
  expect(parseSizes(xml)).toEqual(sizes)
})

it.each([
  [`<serial type='pty'><log file='/var/log/a.log' append='on'/></serial>`, '/var/log/a.log'],
  [`<serial type='file'><source path='/var/log/b.log'/></serial>`, '/var/log/b.log'],
  [`<serial type='pty'/><console type='pty'><log file='/var/log/c.log'/></console>`, '/var/log/c.log'],
  [`<serial type='pty'><source path='/dev/pts/3'/></serial>`, undefined],
  [`<serial type='file'><source path='relative'/></serial>`, undefined],
  ['', undefined],
])('finds the log of a console: %s', (devices, expected) => {
  expect(consoleLogPath(domain('', devices))).toBe(expected)
})

it.each([
  ['none are listed', '', false],
  ['one is off', `<vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/><vcpu id='1' enabled='no'/></vcpus>`, false],
  ['one was added', `<vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/><vcpu id='1' enabled='yes'/></vcpus>`, true],
  ['it is remembered', `<vcpus><vcpu id='1' enabled='yes' hotpluggable='yes'/></vcpus>`, false],
])('knows whether vCPUs were added in this run: %s', (_what, vcpus, expected) => {
  expect(hasAddedVcpus(domain(`<vcpu current='1'>2</vcpu>${vcpus}`))).toBe(expected)
})
