import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { parseConfig } from '../../common/config.js'
import { createLog } from '../../common/log.js'
import { controllerConfigSchema } from '../config.js'
import { openStore } from './open-store.js'

function storeOf(text: string): unknown {
  return parseConfig(text, controllerConfigSchema, 'controller.yaml').store
}

const queue = { maxSize: 2 * 2 ** 30, maxAge: 3 * 86_400_000 }

it.each([
  ['', { kind: 'embedded', maxSize: 4 * 2 ** 30 }],
  ['store: { maxSize: 1GiB }', { kind: 'embedded', maxSize: 2 ** 30 }],
  [
    'store: { kind: influxdb, url: "http://127.0.0.1:8086/" }',
    { kind: 'influxdb', url: 'http://127.0.0.1:8086', database: 'headroom', queue },
  ],
  [
    'store: { kind: victoriametrics, url: "https://vm/select/0/prometheus", writeUrl: "https://vm/insert/0/influx", queue: { maxAge: 1h } }',
    {
      kind: 'victoriametrics',
      url: 'https://vm/select/0/prometheus',
      writeUrl: 'https://vm/insert/0/influx',
      database: 'headroom',
      queue: { ...queue, maxAge: 3_600_000 },
    },
  ],
])('%s', (text, expected) => {
  expect(storeOf(text)).toEqual(expected)
})

it.each([
  ['store: { kind: postgres }', 'expected one of embedded, influxdb, victoriametrics, got "postgres"'],
  ['store: { kind: influxdb }', 'store.url'],
  ['store: { kind: influxdb, url: influx:8086 }', 'an address such as http://127.0.0.1:8086'],
  ['store: { kind: influxdb, url: "http://me:secret@influx:8086" }', 'without user, query or fragment'],
  ['store: { kind: influxdb, url: "http://influx", database: "a b" }', 'letters, digits'],
  ['store: { kind: influxdb, url: "http://influx", maxSize: 1GiB }', 'unknown key "maxSize"'],
  ['store: { kind: influxdb, url: "http://influx", queue: { maxSize: 1KiB } }', 'at least 1MiB'],
  ['store: { kind: victoriametrics, url: "http://vm", nodes: [] }', 'at least 1 entry'],
  ['retention: { raw: 9d, fiveMinutes: 8d }', 'raw at most as long as fiveMinutes'],
])('%s is an error', (text, message) => {
  expect(() => storeOf(text)).toThrow(message)
})

it('names a file that cannot be read', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headroom-open-'))
  const { store, retention } = parseConfig(
    `store: { kind: influxdb, url: "http://127.0.0.1:1", user: me, passwordFile: ${directory}/password }`,
    controllerConfigSchema,
    'controller.yaml',
  )
  const log = createLog('test', 'silent')
  const opening = openStore({ config: store, retention, directory, log, now: () => 0 })
  await expect(opening).rejects.toThrow(/store\.passwordFile.*ENOENT/)
  rmSync(directory, { recursive: true })
})
