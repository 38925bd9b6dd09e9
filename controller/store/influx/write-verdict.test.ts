import { expect, it } from 'vitest'

import { writeVerdict } from './write-verdict.js'

const said = (error: string): string => `A 400 Bad Request error occurred: ${JSON.stringify({ error })}\n`

/** Answers recorded from InfluxDB 1.6.7. */
it.each([
  [
    said('partial write: points beyond retention policy dropped=3'),
    { is: 'taken', refused: { points: 3, reason: 'points beyond retention policy' } },
  ],
  [
    said(
      'partial write: field type conflict: input field "cpuCores" on measurement "vm" is type integer, already exists as type float dropped=1',
    ),
    {
      is: 'taken',
      refused: {
        points: 1,
        reason:
          'field type conflict: input field "cpuCores" on measurement "vm" is type integer, already exists as type float',
      },
    },
  ],
  [
    said("partial write: unable to parse 'vm,uuid=b cpuCores=NaN 1795852321000': invalid number dropped=0"),
    {
      is: 'taken',
      refused: { points: 1, reason: "unable to parse 'vm,uuid=b cpuCores=NaN 1795852321000': invalid number" },
    },
  ],
  [
    said("unable to parse 'vm cpuCores=': missing field value"),
    { is: 'too-much', reason: "unable to parse 'vm cpuCores=': missing field value" },
  ],
  [
    'A 413 Request Entity Too Large error occurred: ',
    { is: 'too-much', reason: 'A 413 Request Entity Too Large error occurred:' },
  ],
  [
    'A 404 Not Found error occurred: {"error":"database not found: \\"nope\\""}',
    { is: 'failed', problem: 'database not found: "nope"' },
  ],
  [
    'A 401 Unauthorized error occurred: {"error":"authorization failed"}',
    { is: 'failed', problem: 'it does not let this program in: authorization failed' },
  ],
  ['connect ECONNREFUSED 127.0.0.1:8086', { is: 'failed', problem: 'connect ECONNREFUSED 127.0.0.1:8086' }],
  ['Internal Server Error', { is: 'failed', problem: 'Internal Server Error' }],
])('%s', (message, verdict) => {
  expect(writeVerdict(message)).toEqual(verdict)
})
