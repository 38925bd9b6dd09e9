import * as fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'

import { elabPolicyFile } from '../../test/support/elab-policy.js'
import { checkTable } from '../model/check-table.js'
import { fileForm } from './file-form.js'
import { defaultPolicy, parsePolicy } from './policy-file.js'

const everyKey = `
limits: { vmMemory: 1500MB, hostReserve: 0B, classMemory: { core: 3GiB }, vcpusPerCore: 2.5 }
hosts: [{ match: ["xen*", b], role: reserve, reserve: 7B }, { match: "*" }]
groups: [{ name: "a: b", match: ["*"], class: personal, owner: "{vm}@x" }, { name: "true" }]
services: [{ name: s, members: [m, "1"] }, { name: t }]
apart: [[a, b], ["c*"]]
arrays: [{ name: box, match: "iscsi:*", join: true, cache: 512MiB, drain: 25MB/s, bulkCopy: 60MB/s }, { name: c, match: d }]
exceptions: [{ vm: "a*", rule: no-room, reason: "because: of # that" }, { host: h, rule: host-failure, reason: r }]
routes:
  - { name: r, to: [{ email: { to: [a@b, "{owner}"] } }] }
  - { name: s, match: { severity: [info], check: "*", group: "1", owner: "*" }, to: [{ alertmanager: { url: "http://a", tokenFile: f } }, { webhook: { url: "http://b", secretFile: g } }], groupBy: [], groupWait: 1s, groupInterval: 1m, repeat: 2d }
silences: [{ match: { subject: "*:x" }, until: 2012-01-15T18:00+09:00, author: a, reason: r }]
heartbeat: { alertmanager: { url: "http://a", resend: 1s } }
moves: { pin: [a, "b*"], together: [[a, b]], minGain: 7.5%, hold: 2, coolDown: 90m, mostPerPlan: 3, mostPerHost: 2, mostPerArray: 4, automatic: [{ vms: "*", between: 22:00-06:00, days: [sat] }] }
approvals: [{ verbs: [start, reset], risk: [safe], vms: ["a*", b], role: admin, within: 90s }, {}]
thresholds: { near-miss: { severity: critical, raiseAfter: 0s, clearAfter: 90s, within: 7% } }
`

describe('the form of a policy file', () => {
  it.each([
    ['the defaults', ''],
    ['every key', everyKey],
    ['the elab', readFileSync(elabPolicyFile, 'utf8')],
  ])('of %s gives the same policy again', (_what, text) => {
    const { policy } = parsePolicy(text, 'policy.yaml')
    const again = stringify(fileForm(policy))
    expect(parsePolicy(again, 'again.yaml').policy).toEqual(policy)
  })

  it('of odd names and figures too', () => {
    const name = fc.string({ minLength: 1, maxLength: 12 })
    const rules = fc.array(fc.record({ name, bytes: fc.nat(), ms: fc.nat(604_800_000), percent: fc.nat(10_000) }), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(rules, (rows) => {
        const [first] = rows
        const policy = {
          ...defaultPolicy,
          groups: rows.map((_row, at) => ({
            name: `g${at}`,
            match: [`${at}`],
            class: undefined,
            owner: undefined,
          })),
          hosts: rows.map(({ bytes }) => ({ match: ['a'], role: undefined, reserveBytes: bytes })),
          thresholds: {
            ...defaultPolicy.thresholds,
            'near-miss': {
              ...defaultPolicy.thresholds['near-miss'],
              clearAfterMs: first?.ms ?? 1,
              within: (first?.percent ?? 0) / 100 / 100,
            },
          },
        }
        const again = parsePolicy(stringify(fileForm(policy)), 'again.yaml').policy
        expect(again.hosts).toEqual(policy.hosts)
        expect(again.thresholds).toEqual(policy.thresholds)
        expect(again.groups.map((group) => group.name)).toEqual(policy.groups.map((group) => group.name))
      }),
    )
  })

  it('shows every check', () => {
    const { thresholds } = fileForm(defaultPolicy)
    expect(Object.keys(Object(thresholds))).toEqual(Object.keys(checkTable))
  })
})
