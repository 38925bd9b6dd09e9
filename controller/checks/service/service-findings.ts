import type { Check } from '../check.js'
import { agentLate } from './agent-late.js'
import { agentOld } from './agent-old.js'
import { agentSilent } from './agent-silent.js'
import { channelTrouble } from './channel-trouble.js'
import { certificateEnding } from './certificate-ending.js'
import { clockWrong } from './clock-wrong.js'
import { spoolFilling } from './spool-filling.js'
import { storeTrouble } from './store-trouble.js'

const checks: readonly Check[] = [
  agentSilent,
  agentLate,
  agentOld,
  clockWrong,
  spoolFilling,
  certificateEnding,
  storeTrouble,
  channelTrouble,
]

/** How agents and the controller itself do. */
export const serviceFindings: Check = (...fleet) => checks.flatMap((check) => check(...fleet))
