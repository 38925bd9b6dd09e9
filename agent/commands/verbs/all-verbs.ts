import { ActionRefused } from '../../hypervisor/hypervisor.js'
import type { VerbName } from '../../../common/verbs.js'
import { autostart } from './autostart.js'
import { consoleLog } from './console.js'
import { destroy } from './destroy.js'
import { dumpxml } from './dumpxml.js'
import { exec } from './exec.js'
import { limit } from './limit.js'
import { memoryStatistics } from './memory-statistics.js'
import { migrate } from './migrate.js'
import { arrive, discard, offer, receive } from './migration-steps.js'
import { memory } from './memory.js'
import { reboot } from './reboot.js'
import { reset } from './reset.js'
import { restore } from './restore.js'
import { resume } from './resume.js'
import { save } from './save.js'
import { shutdown } from './shutdown.js'
import { start } from './start.js'
import { suspend } from './suspend.js'
import { undefine } from './undefine.js'
import { unlimit } from './unlimit.js'
import { vcpus } from './vcpus.js'
import type { VerbWork } from './verb-work.js'

/** How each verb of the table is done. */
export const allVerbs: Readonly<Record<VerbName, VerbWork>> = {
  start,
  shutdown,
  reboot,
  reset,
  destroy,
  suspend,
  resume,
  autostart,
  limit,
  unlimit,
  memory,
  vcpus,
  'memory-statistics': memoryStatistics,
  save,
  restore,
  undefine,
  dumpxml,
  exec,
  console: consoleLog,
  migrate,
  // The controller does it by steps.
  resolve: {
    run: () => Promise.reject(new ActionRefused('no agent does that')),
    seen: () => Promise.resolve({ state: 'failed', reason: 'no agent does that' }),
  },
  offer,
  receive,
  arrive,
  discard,
}
