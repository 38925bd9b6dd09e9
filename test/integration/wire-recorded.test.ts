import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { describe, expect, it } from 'vitest'

import { FromAgent } from '../../proto/gen/headroom/v1/agent.js'
import { recordedMessages } from '../fixtures/wire/messages.js'
import { observe } from '../fixtures/wire/observe.js'

const root = resolve(import.meta.dirname, '../fixtures/wire')
const recorded = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name: version }) =>
    readdirSync(join(root, version))
      .filter((file) => file.endsWith('.bin'))
      .map((file) => ({ version, message: file.slice(0, -4), path: join(root, version, file.slice(0, -4)) })),
  )

describe('messages of released agents', () => {
  it('are there', () => {
    const lanes = ['hello', 'inventory', 'report-state', 'report-fast', 'report-event']
    const names = ['xen', 'esxi', 'kvm'].flatMap((kind) => lanes.map((lane) => `${kind}-${lane}`))
    for (const message of [...names, 'every-field']) {
      expect(recorded).toContainEqual(expect.objectContaining({ version: 'v0.1', message }))
    }
  })

  it.each(recorded)('$version $message is understood as it was when it was recorded', ({ path }) => {
    const golden: object = JSON.parse(readFileSync(`${path}.json`, 'utf8'))
    const { observed, refused } = observe(readFileSync(`${path}.bin`))
    // What later versions add to their own picture of it may be there too.
    expect(observed).toMatchObject(golden)
    expect(refused).toEqual({})
  })

  it.each(recorded)('$version $message keeps every byte of meaning when it is written again', ({ path }) => {
    const bytes = readFileSync(`${path}.bin`)
    expect(Buffer.from(FromAgent.encode(FromAgent.decode(bytes)).finish())).toEqual(bytes)
  })
})

it('the present agent still says all that the first one said', async () => {
  const now = await recordedMessages()
  for (const { message, path } of recorded.filter((one) => one.version === 'v0.1' && one.message === 'every-field')) {
    const golden: object = JSON.parse(readFileSync(`${path}.json`, 'utf8'))
    expect(observe(now.get(message) ?? Buffer.alloc(0)).observed).toMatchObject(golden)
  }
})
