import { expect, it } from 'vitest'

import { advanced, begun, queued, said, type CommandSpec } from '../../../agent/commands/command-record.js'
import { commandUpdateToWire } from '../../../agent/report/command-to-wire.js'
import { commandUpdateFromWire } from '../../../controller/ingest/command-from-wire.js'
import { FieldCheck } from '../../../controller/ingest/field-check.js'
import { FromAgent } from '../../../proto/gen/headroom/v1/agent.js'

const spec: CommandSpec = {
  id: 'c1',
  hostId: 'h',
  verb: 'save',
  vmUuid: '00000000-0000-4000-8000-00000000000a',
  args: {},
  startBeforeMs: 0,
  timeoutMs: 0,
  actor: 'ann',
  dryRun: false,
  onlyReport: false,
}
const vm = {
  uuid: spec.vmUuid,
  name: 'a',
  state: 'running',
  stateReason: 'unknown',
  runId: 'r',
  autostart: false,
} as const

it('what an agent tells of a command comes to the controller whole', () => {
  const running = begun(queued(spec, 1), vm, 2)
  const record = advanced(said(running, 'on its way'), { doneBytes: 3, totalBytes: 12 })
  const bytes = FromAgent.encode(commandUpdateToWire({ record, outputFrom: 0 })).finish()
  const { message } = FromAgent.decode(bytes)
  if (message?.$case !== 'commandUpdate') throw new Error('no update')
  const check = new FieldCheck()
  expect(commandUpdateFromWire(message.value, check)).toEqual({
    id: 'c1',
    revision: 4,
    state: 'running',
    reason: '',
    verdicts: [],
    output: 'on its way\n',
    outputOffset: 0,
    outputBytes: 11,
    progress: { doneBytes: 3, totalBytes: 12 },
  })
  expect(check.refused.size).toBe(0)
})
