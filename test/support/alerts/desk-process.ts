/**
 * A process that is nothing but an alerts' desk: node --import tsx desk-process.ts DIRECTORY URL. What the checks say stands in the file `words` of the
 * directory; what is told goes to the webhook at URL. It says `ready` to its parent, and is made to be killed.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { Registry } from 'prom-client'

import { createLog } from '../../../common/log.js'
import { openWays } from '../../../controller/alerts/channels/open-channels.js'
import { AlertDesk } from '../../../controller/alerts/desk/alert-desk.js'
import { SpareNumber } from '../../../controller/alerts/desk/spare-number.js'
import type { AlertSettings } from '../../../controller/alerts/settings.js'
import type { Snapshot } from '../../../controller/model/snapshot.js'
import { openEmbeddedState } from '../../../controller/store/embedded-state/embedded-state.js'
import { plainSettings, saidOf } from './timeline.js'

const [, , directory = '.', url = ''] = process.argv

const settings: AlertSettings = {
  ...plainSettings,
  defaultHold: { raiseAfterMs: 100, clearAfterMs: 100 },
  flapping: { ...plainSettings.flapping, firings: 1000 },
  routes: plainSettings.routes.map((route) => ({
    ...route,
    groupWaitMs: 20,
    groupIntervalMs: 20,
    to: [{ kind: 'webhook', url, secretFile: join(directory, 'secret') }],
  })),
}

const nothing: Snapshot = {
  revision: 1,
  at: 0,
  hosts: new Map(),
  vms: new Map(),
  disks: new Map(),
  arrays: new Map(),
  placements: new Map(),
  agents: new Map(),
}

const desk = await AlertDesk.open({
  state: openEmbeddedState({ path: join(directory, 'state.db') }),
  spareNumber: new SpareNumber(join(directory, 'alert-number')),
  registry: new Registry(),
  log: createLog('desk', 'silent'),
  look: () => {
    const { findings } = saidOf(readFileSync(join(directory, 'words'), 'utf8'))
    return { snapshot: nothing, findings, said: (vm) => vm }
  },
  settings: () => settings,
  openWays: (routes) => openWays(routes, { mail: undefined, publicUrl: undefined, now: Date.now }),
  now: Date.now,
  monotonicMs: () => performance.now(),
  random: Math.random,
  newId: () => randomBytes(8).toString('hex'),
})
setInterval(() => desk.beat(), 10)
process.send?.('ready')
