import type { StoragePoolRaw } from './health-raw.js'
import type { HealthTool } from './health-tool.js'
import { at, countOf, known, listOf, parseJson, realOf, textOf, type Json } from './json-text.js'
import type { HealthCollector } from './storage-health.js'

const mostPools = 1024
/** Who only reads writes no backup of the metadata, which LVM otherwise does whenever it finds none. */
const columns = [
  '--config',
  'backup/backup=0',
  '--reportformat',
  'json',
  '--units',
  'b',
  '--nosuffix',
  '--options',
] as const
const groups = ['vgs', ...columns, 'vg_name,vg_size,vg_free,vg_missing_pv_count'] as const
const thinPools = [
  'lvs',
  ...columns,
  'vg_name,lv_name,lv_size,data_percent,metadata_percent',
  '--select',
  'segtype=thin-pool',
] as const

/** Volume groups and thin pools of LVM2, by lvm(8). libvirt's own storage pools are not asked: it would open every volume. */
export function lvmCollector(tool: HealthTool): HealthCollector {
  return {
    name: 'lvm',
    unavailable: () => tool.unavailable(),
    async collect(signal) {
      const [vgs, lvs] = [await tool.text(groups, signal), await tool.text(thinPools, signal)]
      return { lvm: [...parseVolumeGroups(vgs), ...parseThinPools(lvs)] }
    },
  }
}

/** @throws Error if it is no report of vgs */
export function parseVolumeGroups(text: string): StoragePoolRaw[] {
  return rowsOf('vgs', text, 'vg').map((row): StoragePoolRaw => ({
    name: nameIn(row, 'vgs', 'vg_name'),
    kind: 'volume-group',
    ...known({
      sizeBytes: countOf(at(row, 'vg_size')),
      freeBytes: countOf(at(row, 'vg_free')),
      missingDevices: countOf(at(row, 'vg_missing_pv_count')),
    }),
  }))
}

/** @throws Error if it is no report of lvs */
export function parseThinPools(text: string): StoragePoolRaw[] {
  return rowsOf('lvs', text, 'lv').map((row): StoragePoolRaw => ({
    name: `${nameIn(row, 'lvs', 'vg_name')}/${nameIn(row, 'lvs', 'lv_name')}`,
    kind: 'thin-pool',
    ...known({
      sizeBytes: countOf(at(row, 'lv_size')),
      // Empty while the pool is not active.
      dataFraction: share(at(row, 'data_percent')),
      metadataFraction: share(at(row, 'metadata_percent')),
    }),
  }))
}

function rowsOf(program: string, text: string, kind: 'vg' | 'lv'): readonly Json[] {
  const reports = listOf(at(parseJson(program, text), 'report'), mostPools)
  if (reports === undefined) throw new Error(`${program}: expected a list called report`)
  return reports
    .flatMap((report) => {
      const rows = listOf(at(report, kind), mostPools)
      if (rows === undefined) throw new Error(`${program}: expected a list called report[].${kind}`)
      return rows
    })
    .slice(0, mostPools)
}

function nameIn(row: Json, program: string, field: string): string {
  const name = textOf(at(row, field))
  if (name === '') throw new Error(`${program}: expected a name in ${field}, got ${JSON.stringify(at(row, field))}`)
  return name
}

function share(percent: Json): number | undefined {
  const value = realOf(percent, 100)
  return value === undefined ? undefined : value / 100
}
