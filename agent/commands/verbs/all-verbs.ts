import type { VerbName } from '../../../common/verbs.js'
import { autostart } from './autostart.js'
import { destroy } from './destroy.js'
import { reboot } from './reboot.js'
import { reset } from './reset.js'
import { resume } from './resume.js'
import { shutdown } from './shutdown.js'
import { start } from './start.js'
import { suspend } from './suspend.js'
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
}
