import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { loadConfig } from '../../../common/config.js'
import { createLog } from '../../../common/log.js'
import { controllerConfigSchema } from '../../config.js'
import { SqlError } from '../embedded/database.js'
import { openEmbeddedStore, type EmbeddedStore } from '../embedded/embedded-store.js'
import { serverStoreOptions } from '../open-store.js'
import { openSink } from '../server/open-sink.js'
import { openServerStore } from '../server/server-store.js'
import { EmbeddedTarget } from './embedded-target.js'
import type { HistorySource } from './read-history.js'
import { ServerTarget } from './server-target.js'
import type { HistoryTarget } from './target.js'

/** The store of a controller that does not run. */
export interface OfflineStore {
  /** For messages: a file, or a server. */
  readonly name: string
  /** Of the controller's state; undefined for a file by itself. */
  readonly directory: string | undefined
  readonly source: HistorySource
  /** Resolves when all that was ever written can be read. */
  ready(tell: (problem: string) => void, signal: AbortSignal): Promise<void>
  readonly target: (tell: (problem: string) => void, signal: AbortSignal) => HistoryTarget
  close(): Promise<void>
}

/** A file cannot be opened. `code` is SQLite's: what a worker says comes as text. */
export class UnopenedFileError extends Error {
  override readonly name = 'UnopenedFileError'
  readonly code: string
  constructor(
    readonly path: string,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.code = /\((SQLITE_\w+)\)/.exec(this.message)?.[1] ?? ''
  }
}

export async function opened<Store>(path: string, opening: Promise<Store>): Promise<Store> {
  try {
    return await opening
  } catch (error) {
    throw new UnopenedFileError(path, error)
  }
}

/**
 * Opens an embedded store that no program has open. Nothing is deleted for its age: that is for the controller that keeps it.
 * @throws UnopenedFileError
 */
export function openUnattended(path: string, now: () => number): Promise<EmbeddedStore> {
  const long = Number.MAX_SAFE_INTEGER
  const retention = { rawMs: long, fiveMinutesMs: long, hoursMs: long, maxBytes: long }
  return opened(path, openEmbeddedStore({ path, log: createLog('store', 'silent'), now, retention }))
}

export interface OpenOptions {
  readonly now: () => number
  /** Make a new one if there is none. */
  readonly create?: boolean
}

/**
 * Opens an embedded store by its file.
 * @throws SqlError: there is none; UnopenedFileError
 */
export async function openOfflineFile(
  path: string,
  { now, create = false, directory }: OpenOptions & { readonly directory?: string },
): Promise<OfflineStore> {
  if (!create && !existsSync(path)) throw new SqlError(path, 'ENOENT', 'no such file')
  const store = await openUnattended(path, now)
  const target = (): HistoryTarget => new EmbeddedTarget(store)
  const ready = (): Promise<void> => Promise.resolve()
  return { name: path, directory, source: store, ready, target, close: () => store.close() }
}

/**
 * Opens the store that a configuration names.
 * @throws ConfigError; SqlError: there is none; UnopenedFileError
 */
export async function openOffline(configFile: string, { now, create = false }: OpenOptions): Promise<OfflineStore> {
  const config = loadConfig(configFile, controllerConfigSchema, { required: true })
  const directory = resolve(join(config.data, 'controller'))
  if (config.store.kind === 'embedded') {
    return openOfflineFile(join(directory, 'series.db'), { now, create, directory })
  }
  const options = serverStoreOptions(config.store, config.retention, directory)
  const log = createLog('store', 'silent')
  const store = await opened(options.path, openServerStore({ ...options, log, now }))
  const sink = openSink(options.server)
  const targetOf = (tell: (problem: string) => void, signal: AbortSignal): ServerTarget =>
    new ServerTarget({ to: store, sink, retention: options.server.retention, now, tell, signal })
  return {
    name: sink.traits.name,
    directory,
    source: store,
    ready: (tell, signal) => targetOf(tell, signal).shown(),
    target: targetOf,
    close: async () => {
      sink.close()
      await store.close()
    },
  }
}
