import { describe, expect, test } from 'vitest'

import { ConfigError } from '../common/config-error.js'
import { parseConfig } from '../common/config.js'
import { agentConfigSchema } from './config.js'

const parse = (text: string) => parseConfig(text, agentConfigSchema, 'agent.yaml')

function problems(text: string): string {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

const entry = (ssh: string, rest = ''): string => `hypervisors: [{ kind: libvirt, ssh: { ${ssh} } ${rest} }]`

test('a host over ssh needs its address; all else has a default', () => {
  expect(parse(entry('host: xenhv01')).hypervisors).toEqual([
    { kind: 'libvirt', uri: 'qemu:///system', ssh: { host: 'xenhv01', port: 22, user: 'headroom', options: {} } },
  ])
  const old = 'host: 10.0.0.1, options: { HostKeyAlgorithms: +ssh-rsa, KexAlgorithms: "+diffie-hellman-group14-sha1" }'
  expect(parse(entry(old, ', name: old')).hypervisors[0]).toMatchObject({
    name: 'old',
    ssh: { options: { HostKeyAlgorithms: '+ssh-rsa' } },
  })
})

describe('refused', () => {
  test.each([
    ['an option of ssh as its host', entry('host: -oProxyCommand=id'), 'a host name or an address'],
    ['a user that is none', entry('host: a, user: "-x"'), 'the name of an account'],
    ['a file name that ssh would cut', entry('host: a, identityFile: "/a b"'), 'a path without blanks'],
    ['a file name that ssh would fill in', entry('host: a, knownHostsFile: "/%h"'), 'a path without blanks'],
    ['a reader that is a command', entry('host: a, reader: "/bin/sh -c id"'), 'a plain absolute path'],
    ['options beyond the list', entry('host: a, options: { StrictHostKeyChecking: "no" }'), 'StrictHostKeyChecking'],
    [
      'an option with two values',
      entry('host: a, options: { MACs: "a\\nProxyCommand=id" }'),
      'a list as in ssh_config',
    ],
    ['an option of ssh as who acts', entry('host: a, act: { user: "-oProxyCommand=id" }'), 'the name of an account'],
    ['a file name of the key that acts', entry('host: a, act: { identityFile: "/%h" }'), 'a path without blanks'],
    ['a socket beside it', entry('host: a', ', socket: /run/x'), 'socket or ssh, not both'],
    ['a name that is no file name', entry('host: a', ', name: "../x"'), 'letters, digits, dots'],
    [
      'a storage server that has a hypervisor',
      'hypervisors: [{ kind: libvirt }, { kind: storage, name: box }]',
      'storage alone for this machine',
    ],
    [
      'two entries of one name',
      'hypervisors: [{ kind: libvirt, name: a }, { kind: libvirt, ssh: { host: a } }]',
      'two hosts with one name',
    ],
    [
      'two of this machine',
      'hypervisors: [{ kind: libvirt }, { kind: libvirt, socket: /x }]',
      'two hosts with one name',
    ],
  ])('%s', (_, text, message) => {
    expect(problems(text)).toContain(message)
  })

  test('but not two ports of one address', () => {
    expect(
      problems('hypervisors: [{ kind: libvirt, ssh: { host: a } }, { kind: libvirt, ssh: { host: a, port: 2222 } }]'),
    ).toBe('')
  })
})

test('programs that may be run for VMs', () => {
  const text = 'exec: [{ name: backup, program: /usr/sbin/backup, arguments: [a, { matches: "[0-9]" }, { vm: uuid }] }]'
  expect(parse(text).exec).toEqual([
    {
      name: 'backup',
      program: '/usr/sbin/backup',
      arguments: ['a', { matches: /^(?:[0-9])$/u }, { vm: 'uuid' }],
      timeoutMs: 600_000,
      isBulk: false,
    },
  ])
})

describe('refused of programs', () => {
  test.each([
    ['a name that is none', 'name: "a b", program: /bin/true', 'small letters'],
    ['a path that is none', 'name: a, program: bin/true', 'an absolute path'],
    ['a path with a way up', 'name: a, program: /bin/../x', 'an absolute path'],
    ['a path above the root', 'name: a, program: /../x', 'an absolute path'],
    ['a pattern that is none', 'name: a, program: /bin/true, arguments: [{ matches: "[" }]', 'a regular expression'],
    ['an argument that is none', 'name: a, program: /bin/true, arguments: [{ shell: x }]', 'matches: PATTERN'],
  ])('%s', (_, text, message) => {
    expect(problems(`exec: [{ ${text} }]`)).toContain(message)
  })
})

test('a storage server is this machine, and may have a canary', () => {
  const text = 'hypervisors: [{ kind: storage }]\ncanary: [{ on: /srv, file: /srv/headroom-canary }]'
  expect(parse(text)).toMatchObject({ hypervisors: [{ kind: 'storage' }], canary: [{ on: '/srv' }] })
})
