import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, beforeEach, expect, it } from 'vitest'

import { waitFor } from '../../../test/support/wait-for.js'
import { createLocalFiles } from '../../host/local-files.js'
import type { ResolvedArray } from '../disk-source.js'
import { ExportReader } from './export-source.js'
import { lioSource } from './lio.js'

const nothing: ResolvedArray = { key: '', backend: 'other', array: undefined }
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'headroom-lio-'))
})
afterEach(() => rmSync(root, { recursive: true }))

/** Hand-written after drivers/target/target_core_stat.c of the kernel: this one has no LIO. */
function plant(files: Readonly<Record<string, number | string>>): void {
  for (const [path, value] of Object.entries(files)) {
    const file = join(root, 'kernel/config/target/iscsi', path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${value}\n`)
  }
}
const group = 'iqn.2011-04.elab:box/tpgt_1'
const ofLun = (lun: number): string => `${group}/lun/lun_${lun}/statistics/scsi_tgt_port`
const ofAcl = (initiator: string, lun: number): string =>
  `${group}/acls/${initiator}/lun_${lun}/statistics/scsi_auth_intr`

it('LUNs of the kernel by who has an access list; by LUN alone where anybody may come', async () => {
  plant({
    'discovery_auth/userid': '',
    'iqn.2011-04.elab:open/tpgt_1/lun/lun_0/statistics/scsi_tgt_port/read_mbytes': 3,
    'iqn.2011-04.elab:open/tpgt_1/lun/lun_0/statistics/scsi_tgt_port/write_mbytes': 4,
    'iqn.2011-04.elab:open/tpgt_1/lun/lun_1/statistics/scsi_tgt_port/read_mbytes': 0,
    'iqn.2011-04.elab:open/tpgt_1/lun/lun_1/statistics/scsi_tgt_port/write_mbytes': 0,
    [`${ofLun(0)}/read_mbytes`]: 7,
    [`${ofLun(0)}/write_mbytes`]: 8,
    [`${ofAcl('iqn.xenhv01', 0)}/read_mbytes`]: 5,
    [`${ofAcl('iqn.xenhv01', 0)}/write_mbytes`]: 6,
    [`${ofAcl('iqn.xenhv02', 1)}/read_mbytes`]: 'x',
    [`${ofAcl('iqn.xenhv02', 1)}/write_mbytes`]: 6,
  })
  const source = lioSource(root, createLocalFiles())
  const mib = 2 ** 20
  expect([...(await source.read())].toSorted((a, b) => (a.arrayKey < b.arrayKey ? -1 : 1))).toEqual([
    {
      arrayKey: 'iscsi:iqn.2011-04.elab:box',
      lun: '0',
      session: 'iqn.xenhv01',
      initiator: 'iqn.xenhv01',
      readBytes: 5 * mib,
      writeBytes: 6 * mib,
    },
    {
      arrayKey: 'iscsi:iqn.2011-04.elab:open',
      lun: '0',
      session: '',
      initiator: '',
      readBytes: 3 * mib,
      writeBytes: 4 * mib,
    },
  ])
})

it('a kernel without it exports nothing, and nothing is read at each beat', async () => {
  const reader = new ExportReader([lioSource(root, createLocalFiles())], async () => nothing)
  expect(await reader.capability()).toEqual({
    name: 'storage-exports',
    support: 'no',
    reason: 'LIO: this kernel exports nothing',
  })
  expect(await reader.read()).toBeUndefined()
  plant({ 'discovery_auth/userid': '' })
  expect(await reader.capability()).toEqual({ name: 'storage-exports', support: 'yes' })
  expect(await reader.read()).toEqual([])
})

it('while configfs does not answer one reading waits, and no second one begins', async () => {
  plant({ 'discovery_auth/userid': '' })
  const local = createLocalFiles()
  let [asked, answer] = [0, (): void => undefined]
  const hung = new Promise<void>((resolve) => {
    answer = resolve
  })
  const files = {
    ...local,
    async readDirectory(path: string) {
      asked += 1
      await hung
      return local.readDirectory(path)
    },
  }
  const source = lioSource(root, files, 20)
  await expect(source.read()).rejects.toThrow('no answer within 20 ms')
  await expect(source.read()).rejects.toThrow('still waiting')
  expect(asked).toBe(1)
  answer()
  await waitFor(5000, 'the next reading', () =>
    source.read().then(
      (rows) => rows.length === 0,
      () => false,
    ),
  )
})
