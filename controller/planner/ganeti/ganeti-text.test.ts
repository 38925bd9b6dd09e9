import { expect, it } from 'vitest'

import { parseGanetiText } from './ganeti-text.js'
import { parseUtilisation } from './utilisation.js'

const group = 'default|uuid-1|preferred||\n'
const node = 'node1|65536|1024|60416|1000000|900000|16|N|uuid-1\n'
const vm = 'vm1|4096|10240|2|running|Y|node1||ext|web:a,other\n'
const policy = '|1,1,1,1,1,1|1,1,1,1,1,1;9,9,9,9,9,9|ext|4.0|32.0\n'

it('reads five sections, an empty one among them', () => {
  const cluster = parseGanetiText(`${group}\n${node}\n${vm}\n\n${policy}`, 'f')
  expect(cluster.nodes).toMatchObject([
    { name: 'node1', totalMiB: 65_536, cpus: 16, offline: false, osCpus: 1, cpuSpeed: 1 },
  ])
  expect(cluster.instances).toMatchObject([{ name: 'vm1', running: true, tags: ['web:a', 'other'] }])
  expect(cluster.clusterTags).toEqual([])
  expect(cluster.policies).toEqual([{ owner: '', vcpuRatio: 4 }])
  expect(parseGanetiText(`${group}\n${node}\n${vm}\nhtools:iextags:web\n\n${policy}`, 'f').clusterTags).toEqual([
    'htools:iextags:web',
  ])
})

it.each([
  ['no file of that form', 'hello', /f: node: expected at least one line, got none/],
  [
    'a figure that is none',
    `${group}\n${node.replace('60416', 'much')}\n\n\n${policy}`,
    /^f:3: node.free_mem: expected a number of at least 0, got much$/,
  ],
  [
    'a group that is not there',
    `${group}\n${node.replace('uuid-1', 'uuid-2')}\n\n\n${policy}`,
    /^f:3: node.group: expected the uuid of a group, got uuid-2$/,
  ],
  [
    'a node that is not there',
    `${group}\n${node}\n${vm.replace('node1', 'node9')}\n\n${policy}`,
    /^f:5: instance.primary: expected the name of a node, got node9$/,
  ],
  [
    'a name twice',
    `${group}\n${node}${node}\n\n\n${policy}`,
    /^f:4: node.name: expected a name that is not taken yet, got node1$/,
  ],
  [
    'DRBD',
    `${group}\n${node}\n${vm.replace('|ext', '|drbd')}\n\n${policy}`,
    /^f:5: instance.template: expected one of ext, .*, got drbd$/,
  ],
  [
    'a state that nobody knows',
    `${group}\n${node}\n${vm.replace('running', 'dancing')}\n\n${policy}`,
    /^f:5: instance.status: expected one of running, .*, got dancing$/,
  ],
  [
    'too few fields',
    `${group}\nnode1|65536\n\n\n${policy}`,
    /f:3: node.node_mem: expected a number of at least 0, got nothing/,
  ],
  [
    'a sixth section',
    `${group}\n${node}\n${vm}\n\n${policy}\nmore\n`,
    /^f:10: the file: expected five sections, got a sixth: more$/,
  ],
])('refuses %s by line, key, what was expected and what is there', (_what, text, message) => {
  expect(() => parseGanetiText(text, 'f')).toThrow(message)
})

it('reads loads, and refuses those of nobody and those that are none', () => {
  const names = new Set(['vm1'])
  expect(parseUtilisation('vm1 0.5 1 2 3e-1\n', names, 'u').get('vm1')).toEqual({
    cpu: 0.5,
    memory: 1,
    disk: 2,
    network: 0.3,
  })
  expect(() => parseUtilisation('vm2 1 1 1 1\n', names, 'u')).toThrow('u:1: name: expected the name of a VM, got vm2')
  expect(() => parseUtilisation('vm1 1 -1 1 1\n', names, 'u')).toThrow(
    'u:1: mem: expected a number of at least 0, got -1',
  )
  expect(() => parseUtilisation('vm1 1\n', names, 'u')).toThrow('u:1: load: expected name cpu mem disk net, got vm1 1')
})
