import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { collectedLog } from '../test/support/log-lines.js'
import { KnownHosts } from './known-hosts.js'
import type { Introduction } from './report/to-wire.js'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headroom-hosts-'))
  logged = collectedLog()
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function host(name: string, bootId = 'boot-1'): Introduction {
  return {
    identity: { hostId: `id-of-${name}`, name, kind: 'xen', bootId, simulated: false },
    capabilities: [
      { name: 'cpu', support: 'yes' },
      { name: 'disk-latency', support: 'no', reason: 'not told' },
    ],
  }
}

let logged: ReturnType<typeof collectedLog>
const file = (): string => join(directory, 'hosts.json')

/** Another life of the agent. */
async function lifeWith(present: readonly Introduction[], mayLack: boolean): Promise<readonly Introduction[]> {
  const hosts = await KnownHosts.load(directory, logged.log)
  const named = hosts.named(present, mayLack)
  await hosts.close()
  return named
}

it('hosts that are not there yet are named as they were, and those that are there as they are', async () => {
  expect(await lifeWith([host('one'), host('two')], true)).toEqual([host('one'), host('two')])
  expect(await lifeWith([host('two', 'boot-2')], true)).toEqual([host('two', 'boot-2'), host('one')])
  expect(await lifeWith([], true)).toEqual([host('two', 'boot-2'), host('one')])
})

it('what stands there already is not written again', async () => {
  await lifeWith([host('one'), host('two')], false)
  const before = statSync(file(), { bigint: true })
  await lifeWith([host('one'), host('two')], false)
  // Each writing makes a new file.
  expect(statSync(file(), { bigint: true }).ino).toBe(before.ino)
  expect(statSync(file(), { bigint: true }).mtimeNs).toBe(before.mtimeNs)
})

it('when none can be missing any more the others are forgotten', async () => {
  await lifeWith([host('one'), host('two')], false)
  expect(await lifeWith([host('two')], false)).toEqual([host('two')])
  expect(await lifeWith([], true)).toEqual([host('two')])
})

it.each(['', '{}', '[{}]', '[{"identity":{"hostId":"h","name":"n","kind":"bhyve","bootId":""}}]'])(
  'a file that holds %j is said, counts as nothing and is written anew',
  async (text) => {
    writeFileSync(file(), text)
    expect(await lifeWith([host('one')], true)).toEqual([host('one')])
    expect(logged.lines).toMatchObject([{ file: file(), msg: 'the hosts of an earlier life cannot be read' }])
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual([host('one')])
  },
)

it('the last of several is written', async () => {
  const hosts = await KnownHosts.load(directory, logged.log)
  for (const boot of ['boot-2', 'boot-3']) hosts.named([host('one', boot)], true)
  await hosts.close()
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual([host('one', 'boot-3')])
})
