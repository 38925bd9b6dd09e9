import type { Exports, ExportSession } from '../../proto/gen/headroom/v1/report.js'
import type { ExportObservation } from '../model/observation.js'
import type { FieldCheck } from './field-check.js'
import { wireLimits } from './from-wire.js'

/** What a storage server exports, each session of a LUN once. */
export function exportsFromWire({ sessions }: Exports, check: FieldCheck): readonly ExportObservation[] {
  return check.unique(
    'export.session',
    check.list('exports.sessions', sessions, wireLimits.maxDevicesPerHost).flatMap((one) => exportFromWire(one, check)),
    ({ arrayKey, lun, session }) => JSON.stringify([arrayKey, lun, session]),
  )
}

function exportFromWire(one: ExportSession, check: FieldCheck): ExportObservation[] {
  const arrayKey = check.key('export.array_key', one.arrayKey, 256)
  const lun = check.key('export.lun', one.lun, 32)
  if (arrayKey === undefined || lun === undefined) return []
  return [
    {
      arrayKey,
      lun,
      session: check.text('export.session', one.session, 224),
      initiator: check.text('export.initiator', one.initiator, 224),
      address: check.text('export.address', one.address, 64),
      backing: check.text('export.backing', one.backing),
      totals: check.numbers({
        readBytes: check.count('export.read_bytes', one.readBytes),
        readRequests: check.count('export.read_requests', one.readRequests),
        writeBytes: check.count('export.write_bytes', one.writeBytes),
        writeRequests: check.count('export.write_requests', one.writeRequests),
      }),
      inFlight: check.count('export.in_flight', one.inFlight),
    },
  ]
}
