import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { createLog } from '../common/log.js'
import { HostIds, underOwnId } from './host-ids.js'
import type { Hypervisor } from './hypervisor/hypervisor.js'

const log = createLog('test', 'silent')
const uuid = '4c4c4544-0038-5810-8052-b4c04f463358'

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'headroom-ids-'))
})
afterEach(() => rmSync(data, { recursive: true }))

/** A hypervisor that says who it is, and writes down what becomes of it. */
function host(own: string, done: string[]) {
  return async ({ hostId = own }: { readonly hostId?: string }): Promise<Hypervisor> => {
    done.push(`open ${hostId}`)
    return {
      identity: { hostId, name: 'x', kind: 'kvm', bootId: '', simulated: false },
      probe: async () => [],
      inventory: () => Promise.reject(new Error('not asked for')),
      sample: () => Promise.reject(new Error('not asked for')),
      async *events() {},
      close: async () => void done.push(`close ${hostId}`),
    }
  }
}

test('the first id is kept, whatever the host says later', async () => {
  const done: string[] = []
  const ids = await HostIds.load(data, ['', 'xenhv01'], log)
  await underOwnId(ids, '', host('here', done))
  await underOwnId(ids, 'xenhv01', host(uuid, done))
  expect(readFileSync(join(data, 'host-id'), 'utf8')).toBe('here\n')
  expect(readFileSync(join(data, 'host-id-xenhv01'), 'utf8')).toBe(`${uuid}\n`)
  const later = await HostIds.load(data, ['', 'xenhv01'], log)
  const again = await underOwnId(later, 'xenhv01', host('another', done))
  expect(again.identity.hostId).toBe(uuid)
  expect(done).toEqual(['open here', `open ${uuid}`, `open ${uuid}`])
})

test('two hosts that say the same get two ids, and keep them', async () => {
  const done: string[] = []
  const names = ['a', 'b']
  const ids = await HostIds.load(data, names, log)
  const opened = await Promise.all(names.map((name) => underOwnId(ids, name, host(uuid, done))))
  const [first, second] = opened.map(({ identity }) => identity.hostId)
  expect(first).toBe(uuid)
  expect(second).toMatch(/^[\da-f-]{36}$/)
  expect(second).not.toBe(uuid)
  expect(done.toSorted()).toEqual([`close ${uuid}`, `open ${second}`, `open ${uuid}`, `open ${uuid}`].toSorted())
  const later = await HostIds.load(data, names, log)
  expect(names.map((name) => later.known(name))).toEqual([first, second])
})

test('an id that was kept for another entry cannot be taken while that one is away', async () => {
  writeFileSync(join(data, 'host-id-victim'), `${uuid}\n`)
  const ids = await HostIds.load(data, ['victim', 'liar'], log)
  expect(await ids.claim('liar', uuid)).not.toBe(uuid)
  expect(readdirSync(data).toSorted()).toEqual(['host-id-liar', 'host-id-victim'])
})

test('what was opened is closed if its id cannot be kept', async () => {
  const done: string[] = []
  const ids = await HostIds.load(join(data, 'none'), [], log)
  writeFileSync(join(data, 'none'), 'no directory')
  await expect(underOwnId(ids, 'x', host(uuid, done))).rejects.toThrow(/EEXIST|ENOTDIR/)
  expect(done).toEqual([`open ${uuid}`, `close ${uuid}`])
})

test('an id that could not be kept is kept the next time', async () => {
  const full = join(data, 'full')
  writeFileSync(full, 'no directory')
  const ids = await HostIds.load(full, [], log)
  await expect(ids.claim('x', uuid)).rejects.toThrow(/EEXIST|ENOTDIR/)
  rmSync(full)
  expect(await ids.claim('x', uuid)).toBe(uuid)
  expect(readFileSync(join(full, 'host-id-x'), 'utf8')).toBe(`${uuid}\n`)
})

test.each([
  ['the entry that it was opened by', 'hv01', uuid, true],
  ['an entry that was never opened', 'hv02', uuid, true],
  ['an entry of another host', 'hv01', 'another', false],
])('a host may be of %s', async (_what, name, hostId, may) => {
  writeFileSync(join(data, 'host-id-hv01'), `${uuid}\n`)
  const ids = await HostIds.load(data, ['hv01', 'hv02'], log)
  expect(ids.mayBeOf([{ kind: 'libvirt', name }], hostId)).toBe(may)
  expect(ids.mayBeOf([], hostId)).toBe(false)
  expect(ids.mayBeOf([{ kind: 'esxi' }], hostId)).toBe(true)
})
