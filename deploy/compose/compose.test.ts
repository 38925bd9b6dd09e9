import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

import { parseConfig } from '../../common/config.js'
import { controllerConfigSchema } from '../../controller/config.js'

/** What is used of the Compose specification: a key that is not here is a mistake. Nothing here runs containers. */
const composeSchema = z.strictObject({
  name: z.string(),
  services: z.record(
    z.string(),
    z.strictObject({
      build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
      image: z.string(),
      restart: z.literal('unless-stopped'),
      command: z.array(z.string()).optional(),
      depends_on: z.record(z.string(), z.strictObject({ condition: z.literal('service_healthy') })).optional(),
      ports: z.array(z.string()).optional(),
      environment: z.record(z.string(), z.string()).optional(),
      volumes: z.array(z.string()),
      secrets: z.array(z.string()).optional(),
      healthcheck: z.strictObject({
        test: z.array(z.string()),
        interval: z.string(),
        timeout: z.string(),
        retries: z.number(),
        start_period: z.string().optional(),
      }),
      stop_grace_period: z.string().optional(),
    }),
  ),
  volumes: z.record(z.string(), z.null()),
  secrets: z.record(z.string(), z.strictObject({ environment: z.string() })),
})

const datasourcesSchema = z.object({
  apiVersion: z.literal(1),
  datasources: z.array(z.object({ name: z.string(), uid: z.string(), type: z.string(), url: z.url() })),
})
const providersSchema = z.object({
  apiVersion: z.literal(1),
  providers: z.array(z.object({ type: z.literal('file'), options: z.object({ path: z.string() }) })),
})

const directory = import.meta.dirname
const read = (path: string): string => readFileSync(join(directory, path), 'utf8')
const compose = composeSchema.parse(parse(read('compose.yaml')))
const services = Object.entries(compose.services)

test('images, and what the own one is built from, are of fixed versions', () => {
  for (const [, { image }] of services) expect(image).toMatch(/^[\w./-]+:v?\d+\.\d+\.\d+$/)
  const bases = [...read('Dockerfile').matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)
  expect(new Set(bases)).toEqual(new Set(['node:20.19.0-bookworm-slim']))
  const { version }: { version: string } = JSON.parse(read('../../package.json'))
  expect(compose.services['controller']?.image).toBe(`headroom-controller:${version}`)
})

test('what is mounted, built and named is there', () => {
  for (const [name, { volumes, build, depends_on: after = {}, secrets = [] }] of services) {
    for (const volume of volumes) {
      const [source = '', target = ''] = volume.split(':')
      const isThere = source.startsWith('.') ? existsSync(join(directory, source)) : source in compose.volumes
      expect(isThere, `${name}: ${volume}`).toBe(true)
      expect(target).toMatch(/^\//)
      // What is this tree's own is not to be written to.
      expect(volume.endsWith(':ro'), volume).toBe(source.startsWith('.'))
    }
    const { context, dockerfile } = build ?? { context: '.', dockerfile: 'compose.yaml' }
    expect(existsSync(join(directory, context, dockerfile))).toBe(true)
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(Object.keys(after)))
    expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining(secrets))
  }
})

test('only the port of the agents, which have certificates, is open to other machines', () => {
  const open = services.flatMap(([, { ports = [] }]) => ports.filter((port) => !port.startsWith('127.0.0.1:')))
  expect(open).toEqual(['8421:8421'])
})

test('passwords are asked for, and none has a default', () => {
  const asked = [...read('compose.yaml').matchAll(/\$\{(\w+)([^}]*)\}/g)]
  for (const [, , condition] of asked) expect(condition).toBe(':?set it in .env')
  const names = [...asked.map(([, name]) => name), compose.secrets['influxdb-password']?.environment]
  const shown = [...read('env.example').matchAll(/^(\w+)=$/gm)].map(([, name]) => name)
  expect(new Set(shown)).toEqual(new Set(names))
})

test("the controller's configuration fits the services", () => {
  const config = parseConfig(read('controller.yaml'), controllerConfigSchema, 'controller.yaml')
  expect(config.http).toMatchObject({ host: '0.0.0.0', port: 8420 })
  expect(config.grpc).toMatchObject({ host: '0.0.0.0', port: 8421 })
  const influxdb = compose.services['influxdb']
  expect(config.store).toMatchObject({
    kind: 'influxdb',
    url: 'http://influxdb:8086',
    user: influxdb?.environment?.['INFLUXDB_ADMIN_USER'],
    passwordFile: '/run/secrets/influxdb-password',
  })
  const mounted = compose.services['controller']?.volumes.map((volume) => volume.split(':')[1])
  expect(mounted).toEqual([config.data, '/etc/headroom/controller.yaml', config.policyFile])
})

test.each(['influxdb', 'victoriametrics'])('Grafana is provisioned with what the dashboards for %s ask', (server) => {
  const { datasources } = datasourcesSchema.parse(parse(read(`../grafana/${server}/datasources/headroom.yaml`)))
  const { providers } = providersSchema.parse(parse(read(`../grafana/${server}/dashboards/headroom.yaml`)))
  const fleet: { templating: { list: { name: string; query: string }[] } } = JSON.parse(
    read(`../../dashboards/${server}/fleet.json`),
  )
  const wanted = fleet.templating.list.find(({ name }) => name === 'datasource')?.query
  expect(datasources.filter(({ type }) => type === wanted)).toHaveLength(1)
  expect(providers.map(({ options }) => options.path)).toEqual(['/var/lib/grafana/headroom'])
})

test('Grafana finds the services, and its dashboards where they are mounted', () => {
  const grafana = compose.services['grafana']
  expect(grafana?.volumes).toContain('../../dashboards/influxdb:/var/lib/grafana/headroom:ro')
  expect(grafana?.environment).toHaveProperty('INFLUXDB_PASSWORD')
  const { datasources } = datasourcesSchema.parse(parse(read('../grafana/influxdb/datasources/headroom.yaml')))
  expect(datasources.map(({ url }) => new URL(url).hostname)).toEqual(['influxdb', 'alertmanager'])
})
