import { expect, test } from 'vitest'

import { channelArguments, masterArguments, type SshTarget } from './ssh-arguments.js'

const target: SshTarget = {
  host: 'xenhv01',
  port: 2222,
  user: 'headroom',
  identityFile: '/data/ssh/key',
  knownHostsFile: '/data/ssh/known_hosts',
}

/** Of options given twice ssh takes the first. */
function settings(args: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const [index, word] of args.entries()) {
    const [name, ...value] = (args[index + 1] ?? '').split('=')
    if (word === '-o' && name !== undefined && !found.has(name)) found.set(name, value.join('='))
  }
  return found
}

test('the connection: only this key, only this host key, nobody else’s configuration, no questions', () => {
  const args = masterArguments(target, '/tmp/x/shared')
  expect(args.slice(0, 2)).toEqual(['-F', 'none'])
  expect(args.slice(-7)).toEqual(['-p', '2222', '-l', 'headroom', '--', 'xenhv01', 'hold'])
  expect(Object.fromEntries(settings(args))).toMatchObject({
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: '/data/ssh/known_hosts',
    GlobalKnownHostsFile: 'none',
    UpdateHostKeys: 'no',
    IdentityFile: '/data/ssh/key',
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    ControlMaster: 'yes',
    ControlPath: '/tmp/x/shared',
    ServerAliveInterval: '5',
    ConnectTimeout: '10',
  })
})

test('options add, and cannot take away', () => {
  const options = {
    HostKeyAlgorithms: '+ssh-rsa',
    MACs: undefined,
    StrictHostKeyChecking: 'no',
    IdentityFile: '/other',
  }
  const found = settings(masterArguments({ ...target, options }, '/c'))
  expect(found.get('HostKeyAlgorithms')).toBe('+ssh-rsa')
  expect(found.has('MACs')).toBe(false)
  expect([found.get('StrictHostKeyChecking'), found.get('IdentityFile')]).toEqual(['yes', '/data/ssh/key'])
})

test('a channel shares the connection or is none', () => {
  const args = channelArguments(target, '/tmp/x/shared', 'libvirt-xen')
  expect(Object.fromEntries(settings(args))).toMatchObject({ ControlMaster: 'no', ProxyCommand: 'false' })
  expect(args.at(-1)).toBe('libvirt-xen')
  expect(channelArguments({ ...target, reader: '/opt/reader' }, '/c', 'files').at(-1)).toBe('/opt/reader files')
})
