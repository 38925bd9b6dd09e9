import { describe, expect, test } from 'vitest'

import { HypervisorDenied, HypervisorUnavailable } from '../hypervisor.js'
import type { SshTarget } from './ssh-arguments.js'
import { channelFailure, connectionFailure, connectionLoss } from './ssh-failure.js'

const target: SshTarget = { host: 'xenhv01', port: 22, user: 'headroom', identityFile: '/k', knownHostsFile: '/kh' }

/** As OpenSSH 9.2 says it. */
const changed = `@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
The fingerprint for the ED25519 key sent by the remote host is
SHA256:JtKsALm6mdyRLR5a6+TV3zHMsAg6aZY/p0xlMDaMOQY.
Host key for xenhv01 has changed and you have requested strict checking.
Host key verification failed.`

describe('no connection', () => {
  test.each([
    [
      'a changed host key',
      changed,
      HypervisorDenied,
      /host key of xenhv01 has changed to SHA256:JtKs[^ ]+: refused.*\/kh/,
    ],
    [
      'an unknown host key',
      'No ED25519 host key is known for xenhv01 and you have requested strict checking.\nHost key verification failed.',
      HypervisorDenied,
      /host key of xenhv01 is not in \/kh: refused/,
    ],
    [
      'a key that is not let in',
      'headroom@xenhv01: Permission denied (publickey,gssapi-with-mic).',
      HypervisorDenied,
      /xenhv01 does not let headroom in with \/k$/,
    ],
    [
      'a key that others may read',
      'Permissions 0644 for \'/k\' are too open.\nLoad key "/k": bad permissions\nheadroom@xenhv01: Permission denied (publickey).',
      HypervisorDenied,
      /with \/k: others may read that file/,
    ],
    [
      'no key',
      'no such identity: /k: No such file or directory\nheadroom@xenhv01: Permission denied (publickey).',
      HypervisorDenied,
      /with \/k: no such identity: \/k: No such file or directory/,
    ],
    [
      'a server of CentOS 5',
      'Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa,ssh-dss',
      HypervisorDenied,
      /no host key type in common, it offers ssh-rsa,ssh-dss: allow one of these under options/,
    ],
    [
      'nobody there',
      'ssh: connect to host xenhv01 port 22: Connection refused\r\n',
      HypervisorUnavailable,
      /no connection to xenhv01: ssh: connect to host xenhv01 port 22: Connection refused/,
    ],
    ['no words', '', HypervisorUnavailable, /no connection to xenhv01: ssh ended/],
    ['odd words', '\x1b[31mred\x07\n', HypervisorUnavailable, /: \[31mred$/],
  ])('%s', (_, said, kind, message) => {
    const error = connectionFailure(said, target)
    expect(error).toBeInstanceOf(kind)
    expect(error.message).toMatch(message)
    expect(error.message.length).toBeLessThan(1000)
  })
})

test('what is over, and why', () => {
  expect(connectionLoss('Timeout, server xenhv01 not responding.\n', target).message).toBe(
    'the connection to xenhv01 is over: Timeout, server xenhv01 not responding.',
  )
  expect(connectionLoss('', target).message).toContain('the other side ended it')
  expect(channelFailure('banner\nheadroom-reader: there is no socket\n', target).message).toBe(
    'headroom-reader on xenhv01: there is no socket',
  )
  expect(channelFailure('', target).message).toBe('xenhv01 ended the channel: without a word')
})

test('once a connection works, what the other side says is not taken for ssh’s own', () => {
  expect(channelFailure(changed, target)).toBeInstanceOf(HypervisorUnavailable)
  expect(connectionLoss(changed, target)).toBeInstanceOf(HypervisorUnavailable)
})
