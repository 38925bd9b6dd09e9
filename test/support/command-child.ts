/**
 * An agent's runner in a process of its own, with files for a hypervisor: `acts` notes what was done, `state` is the VM. Kills itself at the
 * named point of the first command; without one it runs to the end and prints the record.
 */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { VmControl } from '../../agent/hypervisor/hypervisor.js'
import { AuditLog } from '../../agent/commands/audit-log.js'
import { isOver } from '../../agent/commands/command-record.js'
import { DiskJournal } from '../../agent/commands/journal.js'
import { LimitFile, LimitKeeper } from '../../agent/commands/limit-keeper.js'
import { CommandRunner } from '../../agent/commands/runner.js'
import { createLog } from '../../common/log.js'
import { HandMarks } from './hand-marks.js'

const [directory = '', point = ''] = process.argv.slice(2)
const vmUuid = '00000000-0000-4000-8000-00000000000a'
const log = createLog('test', 'silent')
const stateFile = join(directory, 'state')

function reach(name: string): void {
  if (name === point) process.kill(process.pid, 'SIGKILL')
}

const control: VmControl = {
  verbs: new Set(['suspend'] as const),
  look: () => {
    const state = existsSync(stateFile) ? 'paused' : 'running'
    return Promise.resolve({ uuid: vmUuid, name: 'a', state, stateReason: 'unknown', runId: 'r', autostart: false })
  },
  power: (_uuid, action) => {
    reach('before the act')
    appendFileSync(join(directory, 'acts'), `${action}\n`)
    writeFileSync(stateFile, 'paused')
    reach('after the act')
    return Promise.resolve()
  },
  setAutostart: () => Promise.reject(new Error('not asked for')),
}

const files = new DiskJournal(join(directory, 'commands'), log)
const audit = await AuditLog.open(join(directory, 'audit'), { now: Date.now, log })
const limits = new LimitKeeper({
  store: new LimitFile(join(directory, 'limits.json'), log),
  control: () => control,
  mayHave: () => true,
  now: Date.now,
  monotonicMs: () => performance.now(),
  audit: (what) => audit.append(what),
  log,
})
const runner = new CommandRunner({
  journal: {
    load: () => files.load(),
    remove: (id) => files.remove(id),
    async put(record) {
      const when = record.state === 'running' ? 'beginning' : 'end'
      reach(`before the ${when} is written`)
      await files.put(record)
      reach(`after the ${when} is written`)
    },
  },
  audit: (what) => audit.append(what),
  host: () => ({ control }),
  allow: [{ verbs: ['suspend'], vms: ['*'] }],
  now: Date.now,
  localTime: () => ({ weekday: 0, minute: 0 }),
  onChange: (record) => {
    if (!isOver(record)) return
    reach('told')
    process.stdout.write(JSON.stringify(record), () => process.exit(0))
  },
  limits,
  programs: [],
  archive: { keep: () => Promise.resolve(''), keepIncoming: () => Promise.resolve('') },
  marks: new HandMarks(),
  log,
})
await runner.start()
// As the controller does that has heard nothing of it.
await runner.receive({
  id: 'c1',
  hostId: 'h',
  verb: 'suspend',
  vmUuid,
  args: {},
  startBeforeMs: Date.now() + 600_000,
  timeoutMs: 0,
  actor: 'ann',
  dryRun: false,
  onlyReport: false,
})
setInterval(() => undefined, 60_000)
