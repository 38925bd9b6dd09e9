import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { z } from 'zod'

import { loadConfig } from '../../common/config.js'
import { ConfigError } from '../../common/config-error.js'
import { writeDurably } from '../../common/durable-file.js'
import { createLog } from '../../common/log.js'
import { controllerConfigSchema } from '../config.js'
import { SqlError } from './embedded/database.js'
import { entityKinds } from './measurements.js'
import { migrateStore, type Migrated, type MigrationOptions, type MigrationPlace } from './migrate-store.js'
import { serverStoreOptions } from './open-store.js'
import { openSink } from './server/open-sink.js'
import { openServerStore } from './server/server-store.js'
import { opened, openUnattended } from './transfer/open-offline.js'

interface Order extends Pick<MigrationOptions, 'now' | 'show' | 'signal'> {
  /** Of a controller that does not run. */
  readonly configFile: string
  /** The embedded store; the controller's own if undefined. */
  readonly from: string | undefined
}

const placeSchema = z.object({
  part: z.enum(['points', '5m', '1h']),
  kind: z.enum(entityKinds),
  id: z.string(),
  atMs: z.number(),
})

/**
 * Migrates the embedded store of a controller to the server that its configuration names. How far it is stands in `migration.json` in the
 * controller's directory until it is done.
 * @throws ConfigError; SqlError, UnopenedFileError: a file cannot be opened, or the controller has it open
 */
export async function migrateToServer({ configFile, from, now, show, signal }: Order): Promise<{
  readonly path: string
  readonly done: Migrated
}> {
  const config = loadConfig(configFile, controllerConfigSchema, { required: true })
  if (config.store.kind === 'embedded') {
    const expected = 'influxdb or victoriametrics: the server to migrate to'
    throw new ConfigError(configFile, [{ key: 'store.kind', line: undefined, expected, got: 'embedded' }])
  }
  const directory = resolve(join(config.data, 'controller'))
  const path = from === undefined ? join(directory, 'series.db') : resolve(from)
  if (!existsSync(path)) throw new SqlError(path, 'ENOENT', 'no such file')
  const placeFile = join(directory, 'migration.json')
  const options = serverStoreOptions(config.store, config.retention, directory)
  const log = createLog('migration', 'silent')
  const embedded = await openUnattended(path, now)
  try {
    const to = await opened(options.path, openServerStore({ ...options, log, now }))
    const sink = openSink(options.server)
    try {
      const done = await migrateStore({
        from: embedded,
        to,
        sink,
        retention: options.server.retention,
        now,
        place: await placeIn(placeFile),
        reached: (place) => writeDurably(placeFile, JSON.stringify(place)),
        show,
        signal,
      })
      await rm(placeFile, { force: true })
      return { path, done }
    } finally {
      sink.close()
      await to.close()
    }
  } finally {
    await embedded.close()
  }
}

/** Undefined if there is none, or none that can be read: then all is sent again. */
async function placeIn(file: string): Promise<MigrationPlace | undefined> {
  try {
    return placeSchema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}
