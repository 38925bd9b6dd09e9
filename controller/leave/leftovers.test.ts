import { expect, test } from 'vitest'

import { storeConfigSchema } from '../store/store-config.js'
import { leftovers, quoted, type LeftoverFacts } from './leftovers.js'

const agent = { enrolledAt: 0, hosts: [], revoked: false }
const noPast = { alertHistory: [], policies: [] }
const facts: LeftoverFacts = {
  fleet: {
    ...noPast,
    agents: [
      { ...agent, id: 'a1', name: 'own' },
      { ...agent, id: 'a2', name: 'hv07' },
      { ...agent, id: 'a3', name: 'gone', revoked: true },
    ],
    hosts: ['own', 'hv07', 'xen 1'].map((name) => ({
      agentId: name === 'own' ? 'a1' : 'a2',
      inventory: {
        hostId: name,
        revision: '',
        at: 0,
        host: {
          name,
          hypervisorVersion: '',
          managementVersion: '',
          os: '',
          kernel: '',
          machine: '',
          cpuModel: '',
          cpuCores: undefined,
          cpuThreads: undefined,
          cpuMhz: undefined,
          memoryBytes: undefined,
          localDisks: [],
        },
        vms: [],
        arrays: [],
      },
    })),
  },
  ownAgentId: 'a1',
  store: storeConfigSchema.parse({}),
}

function commandsOf(change: Partial<LeftoverFacts>): string[] {
  return leftovers({ ...facts, ...change }).map(({ command }) => command)
}

const grafana = 'rm -r /var/lib/grafana/headroom /etc/grafana/provisioning/*/headroom.yaml'

test('names agents elsewhere, hosts that they read, and who else knows of it', () => {
  expect(commandsOf({})).toEqual([
    "ssh root@hv07 'sh /usr/local/lib/headroom/deploy/uninstall.sh --agent --purge'",
    "ssh root@'xen 1' 'userdel -r headroom; rm -f /usr/local/bin/headroom-reader'",
    grafana,
    '',
    '',
  ])
})

test.each([
  [
    { kind: 'influxdb', url: 'http://i:8086', user: 'me' },
    `curl -u me http://i:8086/query --data-urlencode 'q=DROP DATABASE "headroom"'`,
  ],
  [
    { kind: 'victoriametrics', url: 'http://v:8428', database: 'x' },
    `curl http://v:8428/api/v1/admin/tsdb/delete_series --data-urlencode 'match[]={db="x"}'`,
  ],
])('of a server the database', (config, command) => {
  const nobody = { agents: [], hosts: [], ...noPast }
  const commands = commandsOf({ fleet: nobody, store: storeConfigSchema.parse(config) })
  expect(commands).toEqual([command, grafana, '', ''])
})

test.each([
  ['hv-07.example', 'hv-07.example'],
  ['-oProxyCommand=x', "'-oProxyCommand=x'"],
  ['a b', "'a b'"],
  ["a'; rm -rf /; '", "'a'\\''; rm -rf /; '\\'''"],
  ['', "''"],
])('%j is a word of a shell', (word, expected) => {
  expect(quoted(word)).toBe(expected)
})
