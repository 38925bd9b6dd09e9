import { z } from 'zod'

import { duration, size } from '../../common/config.js'

/** An address of HTTP without what belongs elsewhere; a slash at its end is taken off. */
const serverUrl = z
  .string()
  .refine(isServerUrl, { message: 'an address such as http://127.0.0.1:8086, without user, query or fragment' })
  .transform((url) => url.replace(/\/+$/, ''))

function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && username + password + search + hash === ''
}

const file = z.string().min(1)

const queue = z
  .strictObject({
    /** Of points that wait for the server. Beyond that the oldest are given up. */
    maxSize: size.prefault('2GiB').refine((bytes) => bytes >= 2 ** 20, { message: 'at least 1MiB' }),
    maxAge: duration.prefault('3d').refine((ms) => ms >= 60_000, { message: 'a duration of at least 1m' }),
  })
  .prefault({})

/** InfluxDB's database; of VictoriaMetrics the label `db`. */
const database = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'up to 64 letters, digits, - and _')
  .default('headroom')

/** The part `store` of `controller.yaml`: one kind, with what it needs. */
export const storeConfigSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('embedded').default('embedded'),
      maxSize: size.prefault('4GiB'),
    }),
    z.strictObject({
      kind: z.literal('influxdb'),
      url: serverUrl,
      database,
      user: z.string().min(1).optional(),
      passwordFile: file.optional(),
      /** Certificates of the authorities that are trusted; the system's if absent. */
      caFile: file.optional(),
      queue,
    }),
    z.strictObject({
      kind: z.literal('victoriametrics'),
      /** Where questions go, and points if `writeUrl` is absent: a single node, vmauth, or a cluster's vmselect with its path. */
      url: serverUrl,
      /** Where points go: vmagent, or a cluster's vminsert with its path. */
      writeUrl: serverUrl.optional(),
      /** Every process that keeps points in memory before they are on disk; `url` if absent. */
      nodes: z.array(serverUrl).min(1).optional(),
      database,
      user: z.string().min(1).optional(),
      passwordFile: file.optional(),
      tokenFile: file.optional(),
      caFile: file.optional(),
      queue,
    }),
  ])
  .prefault({})

export type StoreConfig = z.output<typeof storeConfigSchema>
