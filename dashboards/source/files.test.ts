import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { describe, expect, it } from 'vitest'

import { dashboardFiles } from './files.js'
import { servers } from './query.js'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly links?: readonly { readonly url: string }[] }
  }
}

interface Dashboard {
  readonly uid: string
  readonly panels: readonly Panel[]
}

const dashboards = dashboardFiles().map(({ path, text }): { path: string } & Dashboard => {
  const dashboard: Dashboard = JSON.parse(text)
  return { path, ...dashboard }
})

it('are committed as their source makes them, and no others', () => {
  const committed = servers.flatMap((server) => readdirSync(`dashboards/${server}`).map((file) => `${server}/${file}`))
  expect(committed.toSorted()).toEqual(dashboards.map(({ path }) => path).toSorted())
  for (const { path, text } of dashboardFiles()) expect(readFileSync(`dashboards/${path}`, 'utf8'), path).toBe(text)
})

it('are of the types that Grafana declares', { timeout: 60_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'headroom-schema-'))
  try {
    // What queries, and marks of Prometheus, have besides is for data sources to declare: Grafana knows what all have.
    const head = `import type { AnnotationQuery, Dashboard, DataQuery } from '@grafana/schema'
type Marks = { titleFormat?: string; textFormat?: string; tagKeys?: string; useValueForTime?: boolean }
type Annotations = { list?: (AnnotationQuery<DataQuery & Record<string, unknown>> & Marks)[] }
type Checked = Omit<Dashboard, 'annotations'> & { annotations?: Annotations }\n`
    const values = dashboardFiles().map(({ text }, index) => `export const dashboard${index}: Checked = ${text}`)
    writeFileSync(join(directory, 'dashboards.ts'), head + values.join(''))
    const schema = resolve('node_modules/@grafana/schema/dist/types/index.d.ts')
    const flags = { strict: true, noEmit: true, skipLibCheck: true, target: 'es2023', module: 'preserve', types: [] }
    const compilerOptions = { ...flags, paths: { '@grafana/schema': [schema] } }
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    const tsc = resolve('node_modules/typescript/bin/tsc')
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', directory], { encoding: 'utf8' })
    expect(stdout).toBe('')
    expect(status).toBe(0)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

describe.each(dashboards)('$path', ({ panels }) => {
  it('has panels that say what they show, in a unit', () => {
    for (const { type, title, description, fieldConfig } of panels) {
      if (type === 'row') continue
      expect([title, description ?? '', fieldConfig?.defaults.unit ?? '']).not.toContain('')
    }
  })

  it('lays them out side by side, each with a number of its own', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const taken = new Map<string, string>()
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.get(`${x} ${y}`), title).toBeUndefined()
          taken.set(`${x} ${y}`, title)
        }
      }
    }
  })

  it('links to dashboards that there are', () => {
    const uids = dashboards.map(({ uid }) => uid)
    for (const { fieldConfig } of panels) {
      for (const { url } of fieldConfig?.defaults.links ?? []) expect(uids).toContain(/^\/d\/([\w-]+)\?/.exec(url)?.[1])
    }
  })
})
