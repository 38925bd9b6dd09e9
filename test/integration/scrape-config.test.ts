import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const path = 'deploy/victoriametrics/scrape.yaml'

test('VictoriaMetrics takes the scrape configuration, and the dashboards go by its job', async () => {
  const flags = [`-promscrape.config=${path}`, '-promscrape.config.dryRun', '-promscrape.config.strictParse']
  await promisify(execFile)('victoria-metrics', flags)
  const schema = z.object({ scrape_configs: z.array(z.object({ job_name: z.string() })) })
  const jobs = schema.parse(parse(readFileSync(path, 'utf8'))).scrape_configs.map(({ job_name: job }) => job)
  const dashboard = readFileSync('dashboards/victoriametrics/headroom.json', 'utf8')
  const asked = new Set([...dashboard.matchAll(/job=\\"([\w-]+)\\"/g)].map(([, job]) => job))
  expect([...asked]).toEqual(['headroom-controller'])
  expect(jobs).toEqual(expect.arrayContaining([...asked]))
})
