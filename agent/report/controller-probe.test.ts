import { expect, it } from 'vitest'

import { clockMessage } from './controller-probe.js'

const at = (text: string): number => Date.parse(text)
const valid = { from: at('2026-03-01T00:00:00Z'), to: at('2026-06-01T00:00:00Z') }

it.each([
  [
    'the controller says what time it is',
    at('2020-01-01T00:00:00Z'),
    at('2026-03-02T00:00:00Z'),
    "this machine's clock says 2020-01-01T00:00:00.000Z, the controller's 2026-03-02T00:00:00.000Z: set the clock of this machine (timedatectl shows it)",
  ],
  [
    'the controller says nothing',
    at('2020-01-01T00:00:00Z'),
    undefined,
    "this machine's clock says 2020-01-01T00:00:00.000Z, but the controller's certificate is valid from 2026-03-01T00:00:00.000Z to 2026-06-01T00:00:00.000Z: one of the two clocks is wrong (date -u on both shows which)",
  ],
  [
    'what it says is against its own certificate',
    at('2027-01-01T00:00:00Z'),
    at('2027-01-01T00:00:00Z'),
    "this machine's clock says 2027-01-01T00:00:00.000Z, but the controller's certificate is valid from 2026-03-01T00:00:00.000Z to 2026-06-01T00:00:00.000Z: one of the two clocks is wrong (date -u on both shows which)",
  ],
])('a wrong clock: %s', (_what, now, theirs, message) => {
  expect(clockMessage(now, { ...valid, theirs })).toBe(message)
})
