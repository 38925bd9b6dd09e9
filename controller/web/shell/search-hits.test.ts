import { expect, it } from 'vitest'

import type { AlertView, ArrayView, HostView, VmView } from '../../api/views.js'
import { searchHits } from './search-hits.js'

type Looked = Parameters<typeof searchHits>[1]

/** Of each only what the search looks at. */
const named = <T>(...entries: readonly object[]): T[] => entries.map((entry) => entry as T)
const vms = named<VmView>(
  { uuid: 'u1', name: 'mail', host: 'xenhv01', owner: 'kure' },
  { uuid: 'u2', name: 'mail-archive', host: 'xenhv02', group: 'core' },
  { uuid: 'u3', name: 'webmail', host: 'xenhv02' },
  { uuid: 'u4', name: 'dns', host: 'mailhost', service: 'names' },
)
const state: Looked = {
  vms: new Map(vms.map((vm) => [vm.uuid, vm])),
  hosts: new Map(named<HostView>({ id: 'h1', name: 'mailhost' }).map((host) => [host.id, host])),
  arrays: new Map(named<ArrayView>({ key: 'iscsi:box', name: 'iscsi1' }).map((array) => [array.key, array])),
  alerts: new Map(
    named<AlertView>({ number: 3, check: 'array-hammered', subject: { name: 'iscsi1' }, message: 'mail waits' }).map(
      (alert) => [3, alert],
    ),
  ),
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
