import { expect, it } from 'vitest'

import { searchHits, type Searched } from './search-hits.js'

const state: Searched = {
  vms: new Map([
    ['u1', { uuid: 'u1', name: 'mail', host: 'xenhv01', owner: 'kure' }],
    ['u2', { uuid: 'u2', name: 'mail-archive', host: 'xenhv02', group: 'core' }],
    ['u3', { uuid: 'u3', name: 'webmail', host: 'xenhv02' }],
    ['u4', { uuid: 'u4', name: 'dns', host: 'mailhost', service: 'names' }],
  ]),
  hosts: new Map([['h1', { id: 'h1', name: 'mailhost' }]]),
  arrays: new Map([['iscsi:box', { key: 'iscsi:box', name: 'iscsi1' }]]),
  alerts: new Map([
    [
      3,
      {
        number: 3,
        check: 'array-hammered',
        subject: { kind: 'array', id: 'iscsi:box', name: 'iscsi1' },
        message: 'mail waits',
      },
    ],
  ]),
}

it.each([
  ['', []],
  ['  ', []],
  ['mail', ['mail', 'mail-archive', 'mailhost', 'webmail', '#3 array-hammered', 'dns']],
  ['MAIL-', ['mail-archive']],
  ['kure', ['mail']],
  ['u3', ['webmail']],
  ['iscsi', ['iscsi1', '#3 array-hammered']],
  ['aud', ['Audit log']],
  ['.*', []],
])('%j finds %j', (text, names) => expect(searchHits(text, state, 20).map(({ name }) => name)).toEqual(names))

it('gives no more than are wanted, the best of them', () => {
  expect(searchHits('mail', state, 2).map(({ name }) => name)).toEqual(['mail', 'mail-archive'])
})
