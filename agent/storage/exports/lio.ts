import { errorCode } from '../../../common/error-code.js'
import type { MachineFiles } from '../../host/machine-files.js'
import { isAbsent } from '../../host/text-reader.js'
import type { ExportRaw } from '../../hypervisor/hypervisor.js'
import { NotExporting, type ExportSource } from './export-source.js'

const mebibyte = 2 ** 20
const mostRows = 4096

/**
 * iSCSI targets of the kernel (LIO), by configfs (drivers/target/target_core_stat.c and target_core_fabric_configfs.c of the kernel): whole MiB
 * and commands of each initiator that has an access list, or of the LUN where anybody may come. Of commands it is not told which read.
 */
export function lioSource(sysRoot: string, files: MachineFiles): ExportSource {
  const root = `${sysRoot}/kernel/config/target/iscsi`
  const count = (path: string): number | undefined => {
    const text = files.readIfThere(path)?.trim()
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
  }

  function row(directory: string, what: Omit<ExportRaw, 'readBytes' | 'writeBytes'>): ExportRaw[] {
    const read = count(`${directory}/read_mbytes`)
    const written = count(`${directory}/write_mbytes`)
    if (read === undefined || written === undefined || read + written === 0) return []
    return [{ ...what, readBytes: read * mebibyte, writeBytes: written * mebibyte }]
  }

  function rowsOfGroup(group: string, arrayKey: string): ExportRaw[] {
    const luns = lunsIn(files, `${group}/lun`)
    const ofAcls = namesIn(files, `${group}/acls`).flatMap((initiator) =>
      lunsIn(files, `${group}/acls/${initiator}`).flatMap((lun) =>
        row(`${group}/acls/${initiator}/lun_${lun}/statistics/scsi_auth_intr`, {
          arrayKey,
          lun,
          session: initiator,
          initiator,
        }),
      ),
    )
    if (ofAcls.length > 0) return ofAcls
    return luns.flatMap((lun) =>
      row(`${group}/lun/lun_${lun}/statistics/scsi_tgt_port`, { arrayKey, lun, session: '', initiator: '' }),
    )
  }

  return {
    name: 'LIO',
    async read() {
      const targets = exported(files, root).filter((name) => /^(?:iqn|eui|naa)\./.test(name))
      const rows = targets.flatMap((iqn) =>
        namesIn(files, `${root}/${iqn}`)
          .filter((name) => /^tpgt_\d+$/.test(name))
          .flatMap((group) => rowsOfGroup(`${root}/${iqn}/${group}`, `iscsi:${iqn}`)),
      )
      if (rows.length > mostRows) throw new Error(`${root}: more than ${mostRows} sessions and LUNs`)
      return rows
    },
  }
}

/** @throws NotExporting */
function exported(files: MachineFiles, root: string): readonly string[] {
  try {
    return files.names(root)
  } catch (error) {
    if (isAbsent(error)) throw new NotExporting('this kernel exports nothing')
    if (errorCode(error) === 'EACCES') throw new Error('its part of configfs is for root only', { cause: error })
    throw error
  }
}

function namesIn(files: MachineFiles, directory: string): readonly string[] {
  try {
    return files.names(directory)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

/** Numbers of `lun_0` and so on. */
function lunsIn(files: MachineFiles, directory: string): readonly string[] {
  return namesIn(files, directory).flatMap((name) => /^lun_(\d{1,5})$/.exec(name)?.[1] ?? [])
}
