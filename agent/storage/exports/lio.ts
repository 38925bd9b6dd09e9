import { errorCode } from '../../../common/error-code.js'
import type { MachineFiles } from '../../host/machine-files.js'
import { isAbsent } from '../../host/text-reader.js'
import { waitAtMost } from '../../host/wait-at-most.js'
import type { ExportRaw } from '../../hypervisor/hypervisor.js'
import { NotExporting, type ExportSource } from './export-source.js'

const mebibyte = 2 ** 20
const mostRows = 4096

type Files = Pick<MachineFiles, 'readFile' | 'readDirectory'>

/**
 * iSCSI targets of the kernel (LIO), by configfs (drivers/target/target_core_stat.c and target_core_fabric_configfs.c of the kernel): whole MiB
 * of each initiator that has an access list, or of the LUN where anybody may come.
 *
 * Whoever takes a LUN away holds a lock of configfs until the LUN's requests have ended: reading waits for it, in the pool of threads, one
 * file after the other, so that never more than one thread does. While it does, nothing more is read.
 * @param deadlineMs 500 if absent
 */
export function lioSource(sysRoot: string, files: Files, deadlineMs = 500): ExportSource {
  const root = `${sysRoot}/kernel/config/target/iscsi`
  let reading: Promise<readonly ExportRaw[]> | undefined

  return {
    name: 'LIO',
    read() {
      // What an earlier reading found, when it comes at last, is of a time that nobody knows.
      if (reading !== undefined) return Promise.reject(new Error(`${root}: still waiting for the last reading`))
      reading = readTargets(root, files).finally(() => {
        reading = undefined
      })
      return waitAtMost(reading, deadlineMs, root)
    },
  }
}

/** @throws NotExporting, or the file system's error */
async function readTargets(root: string, files: Files): Promise<readonly ExportRaw[]> {
  const rows: ExportRaw[] = []
  for (const iqn of await exported(root, files)) {
    if (!/^(?:iqn|eui|naa)\./.test(iqn)) continue
    for (const group of await namesIn(`${root}/${iqn}`, files)) {
      if (!/^tpgt_\d+$/.test(group)) continue
      rows.push(...(await rowsOfGroup(`${root}/${iqn}/${group}`, `iscsi:${iqn}`, files)))
      if (rows.length > mostRows) throw new Error(`${root}: more than ${mostRows} sessions and LUNs`)
    }
  }
  return rows
}

async function rowsOfGroup(group: string, arrayKey: string, files: Files): Promise<readonly ExportRaw[]> {
  const rows: ExportRaw[] = []
  for (const initiator of await namesIn(`${group}/acls`, files)) {
    for (const lun of await lunsIn(`${group}/acls/${initiator}`, files)) {
      const directory = `${group}/acls/${initiator}/lun_${lun}/statistics/scsi_auth_intr`
      rows.push(...(await rowOf(directory, { arrayKey, lun, session: initiator, initiator }, files)))
    }
  }
  if (rows.length > 0) return rows
  for (const lun of await lunsIn(`${group}/lun`, files)) {
    const directory = `${group}/lun/lun_${lun}/statistics/scsi_tgt_port`
    rows.push(...(await rowOf(directory, { arrayKey, lun, session: '', initiator: '' }, files)))
  }
  return rows
}

async function rowOf(
  directory: string,
  what: Omit<ExportRaw, 'readBytes' | 'writeBytes'>,
  files: Files,
): Promise<readonly ExportRaw[]> {
  const read = await count(`${directory}/read_mbytes`, files)
  const written = await count(`${directory}/write_mbytes`, files)
  if (read === undefined || written === undefined || read + written === 0) return []
  return [{ ...what, readBytes: read * mebibyte, writeBytes: written * mebibyte }]
}

/** Undefined where it is not there, or no number. */
async function count(path: string, files: Files): Promise<number | undefined> {
  try {
    const text = (await files.readFile(path)).toString('latin1').trim()
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

/** @throws NotExporting */
async function exported(root: string, files: Files): Promise<readonly string[]> {
  try {
    return await files.readDirectory(root)
  } catch (error) {
    if (isAbsent(error)) throw new NotExporting('this kernel exports nothing')
    if (errorCode(error) === 'EACCES') throw new Error('its part of configfs is for root only', { cause: error })
    throw error
  }
}

async function namesIn(directory: string, files: Files): Promise<readonly string[]> {
  try {
    return await files.readDirectory(directory)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

/** Numbers of `lun_0` and so on. */
async function lunsIn(directory: string, files: Files): Promise<readonly string[]> {
  return (await namesIn(directory, files)).flatMap((name) => /^lun_(\d{1,5})$/.exec(name)?.[1] ?? [])
}
