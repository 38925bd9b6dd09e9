import { describe, expect, it } from 'vitest'

import { ConfigError, type ConfigProblem } from '../../common/config-error.js'
import { checkTable } from '../model/check-table.js'
import { decodePolicy, parsePolicy } from './policy-file.js'

const checks = Object.keys(checkTable).length

/** Files that are refused, each with line, key, what was expected and what stood there. */
describe('a policy file', () => {
  it.each([
    ['limit: {}', 'p.yaml:1: limit: expected a known key (13 names, perhaps limits), got unknown key "limit"'],
    ['limits: []', 'p.yaml:1: limits: expected keys with values, got []'],
    ['limits: 5GiB', 'p.yaml:1: limits: expected keys with values, got "5GiB"'],
    ['limits: { vmMemory: 1024 }', 'p.yaml:1: limits.vmMemory: expected a size such as 512MiB or 2GB, got 1024'],
    [
      'limits: { vmMemory: 1 GigaByte }',
      'p.yaml:1: limits.vmMemory: expected a size such as 512MiB or 2GB, got "1 GigaByte"',
    ],
    ['limits: { vmMemory: 0B }', 'p.yaml:1: limits.vmMemory: expected a size above 0, got "0B"'],
    [
      'limits: { hostReserve: -1GiB }',
      'p.yaml:1: limits.hostReserve: expected a size such as 512MiB or 2GB, got "-1GiB"',
    ],
    [
      'limits: { hostReserve: 99999999TiB }',
      'p.yaml:1: limits.hostReserve: expected a size that a machine can have, got "99999999TiB"',
    ],
    [
      'limits:\n  vmMemmory: 1GiB',
      'p.yaml:2: limits.vmMemmory: expected a known key (vmMemory, hostReserve, classMemory, vcpusPerCore), got unknown key "vmMemmory"',
    ],
    ['limits: { classMemory: 1GiB }', 'p.yaml:1: limits.classMemory: expected keys with values, got "1GiB"'],
    [
      'limits: { classMemory: { root: 1GiB } }',
      'p.yaml:1: limits.classMemory.root: expected a known key (core, personal), got unknown key "root"',
    ],
    ['limits: { classMemory: { core: 0B } }', 'p.yaml:1: limits.classMemory.core: expected a size above 0, got "0B"'],
    ['limits: { vcpusPerCore: 0 }', 'p.yaml:1: limits.vcpusPerCore: expected more than 0, got 0'],
    ['limits: { vcpusPerCore: "4" }', 'p.yaml:1: limits.vcpusPerCore: expected a number, got "4"'],
    ['limits: { vcpusPerCore: .inf }', 'p.yaml:1: limits.vcpusPerCore: expected a number, got Infinity'],
    ['hosts: xenhv01', 'p.yaml:1: hosts: expected a list, got "xenhv01"'],
    ['hosts:\n  - role: core', 'p.yaml:2: hosts.0.match: expected text, got nothing'],
    [
      'hosts:\n  - { match: a, role: reserv }',
      'p.yaml:2: hosts.0.role: expected one of core, personal, secondary, reserve, got "reserv"',
    ],
    ['hosts: [{ match: [] }]', 'p.yaml:1: hosts.0.match: expected at least 1 entry, got []'],
    ['hosts: [{ match: [a, 1] }]', 'p.yaml:1: hosts.0.match.1: expected text, in quotes, got 1'],
    ['hosts:\n  - match: a\n    reserve: 2', 'p.yaml:3: hosts.0.reserve: expected a size such as 512MiB or 2GB, got 2'],
    [
      'hosts: [{ match: "" }]',
      'p.yaml:1: hosts.0.match: expected a name in which * stands for any characters, without spaces around it, got ""',
    ],
    [
      'hosts: [{ match: a, memory: 1GiB }]',
      'p.yaml:1: hosts.0.memory: expected a known key (match, role, reserve), got unknown key "memory"',
    ],
    ['hosts: [xenhv01]', 'p.yaml:1: hosts.0: expected keys with values, got "xenhv01"'],
    ['hosts: [{ match: [a, b, a] }]', 'p.yaml:1: hosts.0.match.2: expected something that is not said before, got "a"'],
    [
      'hosts: [{ match: " a" }]',
      'p.yaml:1: hosts.0.match: expected a name in which * stands for any characters, without spaces around it, got " a"',
    ],
    [
      'hosts: [{ match: "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a" }]',
      'p.yaml:1: hosts.0.match: expected at most 20 stars (*), got "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a"',
    ],
    ['hosts: [{ match: 01 }]', 'p.yaml:1: hosts.0.match: expected text, in quotes, got 1'],
    ['hosts: [{ match: true }]', 'p.yaml:1: hosts.0.match: expected text, in quotes, got true'],
    ['groups:\n  - match: a', 'p.yaml:2: groups.0.name: expected text, got nothing'],
    ['groups: [{ name: a, class: gold }]', 'p.yaml:1: groups.0.class: expected one of core, personal, got "gold"'],
    ['groups: [{ name: a, class: }]', 'p.yaml:1: groups.0.class: expected one of core, personal, got nothing'],
    [
      'groups:\n  - name: a\n  - name: b\n  - name: a',
      'p.yaml:4: groups.2.name: expected a name that none before it has, got "a"',
    ],
    [
      'groups: [{ name: a, owner: "{name}" }]',
      'p.yaml:1: groups.0.owner: expected a name, in which {vm} stands for that of the VM, got "{name}"',
    ],
    [
      'groups: [{ name: a, owner: "" }]',
      'p.yaml:1: groups.0.owner: expected one line of text without spaces around it, got ""',
    ],
    ['groups: { a: {} }', 'p.yaml:1: groups: expected a list, got {"a":{}}'],
    [
      'groups: [{ name: "a\\tb" }]',
      'p.yaml:1: groups.0.name: expected one line of text without spaces around it, got "a\\tb"',
    ],
    [
      'groups: [{ name: "\\e[31mred" }]',
      'p.yaml:1: groups.0.name: expected one line of text without spaces around it, got "\\u001b[31mred"',
    ],
    [
      'groups:\n  - name: a\n    match:\n      - b\n      - ""',
      'p.yaml:5: groups.0.match.1: expected a name in which * stands for any characters, without spaces around it, got ""',
    ],
    ['services: [mail]', 'p.yaml:1: services.0: expected keys with values, got "mail"'],
    ['services:\n  - members: [a, b]', 'p.yaml:2: services.0.name: expected text, got nothing'],
    [
      'services: [{ name: a, members: b, primary: c }]',
      'p.yaml:1: services.0.primary: expected a known key (name, members), got unknown key "primary"',
    ],
    [
      'services: [{ name: a }, { name: a }]',
      'p.yaml:1: services.1.name: expected a name that none before it has, got "a"',
    ],
    ['services: [{ name: a, members: { b: c } }]', 'p.yaml:1: services.0.members: expected text, got {"b":"c"}'],
    ['apart: [a, b]', 'p.yaml:1: apart.0: expected a list, got "a"\np.yaml:1: apart.1: expected a list, got "b"'],
    ['apart: [[a]]', 'p.yaml:1: apart.0: expected at least 2 entries, or one with *, got ["a"]'],
    ['apart: [[a, a]]', 'p.yaml:1: apart.0.1: expected something that is not said before, got "a"'],
    ['apart: [[]]', 'p.yaml:1: apart.0: expected at least 2 entries, or one with *, got []'],
    ['apart:\n  - [a, b]\n  - [c, 4]', 'p.yaml:3: apart.1.1: expected text, in quotes, got 4'],
    ['apart: {}', 'p.yaml:1: apart: expected a list, got {}'],
    ['arrays:\n  - match: "iscsi:*"', 'p.yaml:2: arrays.0.name: expected text, got nothing'],
    ['arrays: [{ name: a }]', 'p.yaml:1: arrays.0.match: expected text, got nothing'],
    [
      'arrays: [{ name: a, match: b }, { name: a, match: c }]',
      'p.yaml:1: arrays.1.name: expected a name that none before it has, got "a"',
    ],
    ['arrays: [{ name: a, match: b, join: yes }]', 'p.yaml:1: arrays.0.join: expected true or false, got "yes"'],
    [
      'arrays: [{ name: a, match: b, drain: 25MB }]',
      'p.yaml:1: arrays.0.drain: expected a rate such as 25MB/s, got "25MB"',
    ],
    [
      'arrays: [{ name: a, match: b, bulkCopy: 0MB/s }]',
      'p.yaml:1: arrays.0.bulkCopy: expected a rate above 0, got "0MB/s"',
    ],
    ['arrays: [{ name: a, match: b, drain: 0MB/s }]', 'p.yaml:1: arrays.0.drain: expected a rate above 0, got "0MB/s"'],
    [
      'arrays: [{ name: a, match: b, cache: 512 }]',
      'p.yaml:1: arrays.0.cache: expected a size such as 512MiB or 2GB, got 512',
    ],
    [
      'exceptions: [{ vm: a, rule: core-on-shared-storage }]',
      'p.yaml:1: exceptions.0.reason: expected text, got nothing',
    ],
    [
      'exceptions: [{ vm: a, rule: core-on-shared, reason: because }]',
      `p.yaml:1: exceptions.0.rule: expected one of ${checks} names, perhaps core-on-shared-storage, got "core-on-shared"`,
    ],
    [
      'exceptions: [{ vm: a, host: b, rule: no-room, reason: c }]',
      'p.yaml:1: exceptions.0: expected either vm or host, got {"vm":"a","host":"b","rule":"no-room","reason":"c"}',
    ],
    [
      'exceptions:\n  - rule: no-room\n    reason: c',
      'p.yaml:2: exceptions.0: expected either vm or host, got {"rule":"no-room","reason":"c"}',
    ],
    [
      'exceptions: [{ vm: a, rule: no-room, reason: "" }]',
      'p.yaml:1: exceptions.0.reason: expected one line of text without spaces around it, got ""',
    ],
    [
      'exceptions: [{ group: a, rule: no-room, reason: b }]',
      'p.yaml:1: exceptions.0.group: expected a known key (vm, host, rule, reason), got unknown key "group"\np.yaml:1: exceptions.0: expected either vm or host, got {"group":"a","rule":"no-room","reason":"b"}',
    ],
    [
      'exceptions: [{ vm: [a, b], rule: no-room, reason: c }]',
      'p.yaml:1: exceptions.0.vm: expected text, got ["a","b"]',
    ],
    [
      'thresholds:\n  no-romm: { raiseAfter: 1m }',
      `p.yaml:2: thresholds.no-romm: expected a known key (${checks} names, perhaps no-room), got unknown key "no-romm"`,
    ],
    [
      'thresholds: { no-room: { raiseAfter: 60 } }',
      'p.yaml:1: thresholds.no-room.raiseAfter: expected a duration such as 15s, 10m or 3d, got 60',
    ],
    [
      'thresholds: { no-room: { severity: error } }',
      'p.yaml:1: thresholds.no-room.severity: expected one of info, warning, critical, got "error"',
    ],
    [
      'thresholds: { no-room: { within: 5% } }',
      'p.yaml:1: thresholds.no-room.within: expected a known key (severity, raiseAfter, clearAfter), got unknown key "within"',
    ],
    [
      'thresholds: { near-miss: { within: 0.05 } }',
      'p.yaml:1: thresholds.near-miss.within: expected a share from 0% to 100%, got 0.05',
    ],
    [
      'thresholds: { near-miss: { within: 120% } }',
      'p.yaml:1: thresholds.near-miss.within: expected a share from 0% to 100%, got "120%"',
    ],
    [
      'thresholds: { no-room: { clearAfter: 8d } }',
      'p.yaml:1: thresholds.no-room.clearAfter: expected at most 7d, got "8d"',
    ],
    [
      'thresholds: { array-latency: { above: 20ms } }',
      'p.yaml:1: thresholds.array-latency.clearBelow: expected at most 20ms, as above is; left out it is 30ms, got nothing',
    ],
    [
      'thresholds:\n  array-latency:\n    above: 2s\n    clearBelow: 3s',
      'p.yaml:3: thresholds.array-latency.above: expected at most 1s, as critical is, got "2s"\np.yaml:4: thresholds.array-latency.clearBelow: expected at most 2s, as above is, got "3s"',
    ],
    [
      'thresholds: { file-system-space: { clearAbove: 0.5 } }',
      'p.yaml:1: thresholds.file-system-space.clearAbove: expected at least 1, got 0.5',
    ],
    [
      'thresholds: { file-system-space: { left: 1h } }',
      'p.yaml:1: thresholds.file-system-space.criticalLeft: expected at most 1h, as left is; left out it is 1d, got nothing',
    ],
    [
      'thresholds: { vm-memory-pressure: { clearBelow: 0% } }',
      'p.yaml:1: thresholds.vm-memory-pressure.clearBelow: expected at least 1%, got "0%"',
    ],
    [
      'thresholds: { spool-filling: { clearBelow: 0 } }',
      'p.yaml:1: thresholds.spool-filling.clearBelow: expected at least 1, got 0',
    ],
    [
      'thresholds: { store-trouble: { diskBelow: 10% } }',
      'p.yaml:1: thresholds.store-trouble.diskBelow: expected at most 7%, as diskClearAbove is, got "10%"',
    ],
    ['thresholds: [no-room]', 'p.yaml:1: thresholds: expected keys with values, got ["no-room"]'],
    ['thresholds: { no-room: 5m }', 'p.yaml:1: thresholds.no-room: expected keys with values, got "5m"'],
    [
      'routes: [{ name: a, match: { severity: critical }, to: [{ email: { to: [a@b] } }] }]',
      'p.yaml:1: routes.0.match.severity: expected a list, got "critical"',
    ],
    ['routes: [{ name: a }]', 'p.yaml:1: routes.0.to: expected a list, got nothing'],
    [
      'approvals: [{ risk: [high] }]',
      'p.yaml:1: approvals.0.risk.0: expected one of safe, disruptive, destructive, got "high"',
    ],
    ['approvals: [{ within: 1s }]', 'p.yaml:1: approvals.0.within: expected a duration from 1m to 7d, got "1s"'],
    ['moves: { hold: 0 }', 'p.yaml:1: moves.hold: expected at least 1, got 0'],
    ['moves: { coolDown: 1s }', 'p.yaml:1: moves.coolDown: expected a duration from 1m to 30d, got "1s"'],
    [
      'moves: { automatic: [{ vms: a, between: 25:00-06:00 }] }',
      'p.yaml:1: moves.automatic.0.between: expected times such as 22:00-06:00, got "25:00-06:00"',
    ],
    ['moves: { together: [[a]] }', 'p.yaml:1: moves.together.0: expected at least 2 entries, or one with *, got ["a"]'],
    ['approvals: [{ role: owner }]', 'p.yaml:1: approvals.0.role: expected one of operator, admin, got "owner"'],
    ['routes: [{ name: a, to: [] }]', 'p.yaml:1: routes.0.to: expected at least 1 entry, got []'],
    [
      'routes: [{ name: a, to: [{ pager: {} }] }]',
      'p.yaml:1: routes.0.to.0.pager: expected a known key (alertmanager, webhook, email), got unknown key "pager"\np.yaml:1: routes.0.to.0: expected one of alertmanager, webhook, email, got {"pager":{}}',
    ],
    [
      'routes: [{ name: a, to: [{ email: { to: [a@b] }, webhook: { url: "http://a", secretFile: b } }] }]',
      'p.yaml:1: routes.0.to.0: expected one of alertmanager, webhook, email, got {"email":{"to":["a@b"]},"webhook":{"url":"http://a","secretFile":"b"}}',
    ],
    [
      'routes: [{ name: a, to: [{ email: { to: [nobody] } }] }]',
      'p.yaml:1: routes.0.to.0.email.to.0: expected an address such as admin@example.org or {owner}@example.org, got "nobody"',
    ],
    [
      'routes: [{ name: a, to: [{ email: { to: ["{vm}@a"] } }] }]',
      'p.yaml:1: routes.0.to.0.email.to.0: expected an address such as admin@example.org or {owner}@example.org, got "{vm}@a"',
    ],
    [
      'routes: [{ name: a, to: [{ webhook: { url: "http://a" } }] }]',
      'p.yaml:1: routes.0.to.0.webhook.secretFile: expected text, got nothing',
    ],
    [
      'routes: [{ name: a, to: [{ webhook: { url: "http://me:secret@a", secretFile: b } }] }]',
      'p.yaml:1: routes.0.to.0.webhook.url: expected an address such as https://alerts.example/hook, without a password in it, got "http://…@a"',
    ],
    [
      'routes: [{ name: a, to: [{ alertmanager: { url: "ftp://a" } }] }]',
      'p.yaml:1: routes.0.to.0.alertmanager.url: expected an address such as https://alerts.example/hook, without a password in it, got "ftp://a"',
    ],
    [
      'routes: [{ name: a, to: [{ alertmanager: { url: "http://a", resend: 10m } }] }]',
      'p.yaml:1: routes.0.to.0.alertmanager.resend: expected a duration from 1s to 5m, got "10m"',
    ],
    [
      'routes: [{ name: a, match: { severity: [error] }, to: [{ email: { to: [a@b] } }] }]',
      'p.yaml:1: routes.0.match.severity.0: expected one of info, warning, critical, got "error"',
    ],
    [
      'routes: [{ name: a, match: { check: no-romm }, to: [{ email: { to: [a@b] } }] }]',
      'p.yaml:1: routes.0.match.check: expected the name of a check, or a pattern that one has, got "no-romm"',
    ],
    [
      'routes: [{ name: a, groupBy: [vm], to: [{ email: { to: [a@b] } }] }]',
      'p.yaml:1: routes.0.groupBy.0: expected one of check, severity, subject, host, group, owner, got "vm"',
    ],
    [
      'routes: [{ name: a, repeat: 1s, to: [{ email: { to: [a@b] } }] }]',
      'p.yaml:1: routes.0.repeat: expected a duration from 1m to 30d, got "1s"',
    ],
    [
      'silences: [{ match: {}, until: 2012-01-01T00:00Z, author: a, reason: b }]',
      'p.yaml:1: silences.0.match: expected check, subject or both, got {}',
    ],
    [
      'silences: [{ match: { subject: mail }, until: 2012-01-01T00:00Z, author: a, reason: b }]',
      'p.yaml:1: silences.0.match.subject: expected a subject such as vm:mail, host:xenhv0*, array:* or fleet, got "mail"',
    ],
    [
      'silences: [{ match: { subject: "vm:a" }, until: 2012-01-01, author: a, reason: b }]',
      'p.yaml:1: silences.0.until: expected a moment such as 2012-01-15T18:00:00+09:00, got "2012-01-01"',
    ],
    [
      'silences: [{ match: { subject: "vm:a" }, until: 2012-13-01T00:00Z, author: a, reason: b }]',
      'p.yaml:1: silences.0.until: expected a moment such as 2012-01-15T18:00:00+09:00, got "2012-13-01T00:00Z"',
    ],
    [
      'silences: [{ match: { subject: "vm:a" }, until: 2012-01-01T00:00Z, reason: b }]',
      'p.yaml:1: silences.0.author: expected text, got nothing',
    ],
    ['heartbeat: { every: 1m }', 'p.yaml:1: heartbeat: expected url, alertmanager or both, got {"every":"1m"}'],
    [
      'heartbeat: { every: 1s, url: "http://a" }',
      'p.yaml:1: heartbeat.every: expected a duration from 10s to 1h, got "1s"',
    ],
    ['move: {}', 'p.yaml:1: move: expected a known key (13 names, perhaps moves), got unknown key "move"'],
    ['- a', 'p.yaml:1: the file: expected keys with values, got ["a"]'],
    ['a', 'p.yaml:1: the file: expected keys with values, got "a"'],
    ['42', 'p.yaml:1: the file: expected keys with values, got 42'],
    ['limits: {', 'p.yaml:1: the file: expected valid YAML, got a { that is not closed by a } (column 10)'],
    [
      'limits: { vmMemory: 1GiB }\nlimits: { vmMemory: 2GiB }',
      'p.yaml:2: the file: expected each key once, got limits again (column 1)',
    ],
    ['hosts:\n\t- match: a', 'p.yaml:2: the file: expected spaces before a key, got a tab (column 1)'],
    [
      'hosts: *nothing',
      'p.yaml:1: the file: expected valid YAML, got Unresolved alias (the anchor must be set before the alias): nothing',
    ],
    [
      'a: &a [x]\nhosts: [{ match: *a }]',
      'p.yaml:1: a: expected a known key (13 names, perhaps apart or arrays or approvals), got unknown key "a"',
    ],
    ['---\nlimits: {}\n---\nlimits: {}', 'p.yaml:3: the file: expected one document, got another after ---'],
    ['<<: { limits: {} }', 'p.yaml:1: <<: expected a known key (13 names), got unknown key "<<"'],
    [
      'limits: !!binary aGk=',
      'p.yaml:1: the file: expected valid YAML, got Unresolved tag: tag:yaml.org,2002:binary (column 9)',
    ],
    ['"__proto__": {}', 'p.yaml:1: __proto__: expected a known key (13 names), got unknown key "__proto__"'],
    ['constructor: 1', 'p.yaml:1: constructor: expected a known key (13 names), got unknown key "constructor"'],
    [
      'limits: { a: 1 }\nhosts: [{ match: x, b: 2 }]',
      'p.yaml:1: limits.a: expected a known key (vmMemory, hostReserve, classMemory, vcpusPerCore), got unknown key "a"\np.yaml:2: hosts.0.b: expected a known key (match, role, reserve), got unknown key "b"',
    ],
    ['limits: ~', 'p.yaml:1: limits: expected keys with values, got nothing'],
    ['hosts: ~', 'p.yaml:1: hosts: expected a list, got nothing'],
    [
      `groups: [{ name: ${'a'.repeat(101)} }]`,
      `p.yaml:1: groups.0.name: expected at most 100 characters, got "${'a'.repeat(76)}...`,
    ],
    [
      `hosts: [{ match: ${'a'.repeat(301)} }]`,
      `p.yaml:1: hosts.0.match: expected at most 300 characters, got "${'a'.repeat(76)}...`,
    ],
    [
      `exceptions: [{ vm: a, rule: no-room, reason: ${'a'.repeat(501)} }]`,
      `p.yaml:1: exceptions.0.reason: expected at most 500 characters, got "${'a'.repeat(76)}...`,
    ],
  ])('%j is refused', (text, message) => {
    const error = refusalOf(text)
    expect(error.message).toBe(message)
    for (const { line, expected, got } of error.problems) expect([line, expected, got]).not.toContain('')
  })

  it.each<[string, Uint8Array, string]>([
    ['UTF-16', Buffer.from('\ufefflimits: {}', 'utf16le'), 'p.yaml:1: the file: expected text in UTF-8, got UTF-16'],
    [
      'UTF-16, the other way round',
      Uint8Array.of(0xfe, 0xff, 0, 0x61),
      'p.yaml:1: the file: expected text in UTF-8, got UTF-16',
    ],
    [
      'Latin-1',
      Buffer.from('limits: {}\n# für alle\n', 'latin1'),
      'p.yaml:2: the file: expected text in UTF-8, got the byte 0xFC',
    ],
    [
      'Shift JIS',
      Uint8Array.of(0x61, 0x3a, 0x20, 0x93, 0xfa),
      'p.yaml:1: the file: expected text in UTF-8, got the byte 0x93',
    ],
    [
      'a program',
      Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0x02, 0xff),
      'p.yaml:1: the file: expected text in UTF-8, got the byte 0xFF',
    ],
    ['too large', Buffer.alloc(300_000, 'a'), 'p.yaml: the file: expected at most 262144 bytes, got 300000 bytes'],
  ])('as bytes that are %s is refused', (_what, bytes, message) => {
    expect(refusalOf(() => decodePolicy(bytes, 'p.yaml')).message).toBe(message)
  })

  it.each<[string, string]>([
    ['a NUL in it', 'limits: { vmMemory: "1\0GiB" }'],
    ['a NUL between its rules', 'limits:\0 {}'],
  ])('with %s is refused', (_what, text) => {
    expect(refusalOf(text).problems[0]).toMatchObject({ line: 1 })
  })

  it('of too many rules is refused', () => {
    const many = Array.from({ length: 10_001 }, (_, at) => `[{ name: s${at} }]`.slice(1, -1))
    expect(refusalOf(`services: [${many.join(', ')}]`).message).toMatch(
      /^p.yaml:1: services: expected at most 10000 entries, got /,
    )
  })

  it('that is an attack by aliases is refused', () => {
    const level = (name: string, of: string): string =>
      `${name}: &${name} [${Array.from({ length: 10 }, () => of).join(', ')}]`
    const bomb = [level('a', 'l'), level('b', '*a'), level('c', '*b'), level('d', '*c')].join('\n')
    expect(refusalOf(bomb).message).toContain('expected valid YAML, got Excessive alias count')
  })

  it('with more problems than anybody reads names the first 50', () => {
    const text = Array.from({ length: 80 }, (_, at) => `key${at}: 1`).join('\n')
    const error = refusalOf(text)
    expect(error.problems).toHaveLength(80)
    expect(error.message.split('\n')).toHaveLength(51)
    expect(error.message).toMatch(/\np\.yaml: and 30 problems more$/)
  })

  it('tells key, line, expectation and value apart', () => {
    const expected: ConfigProblem[] = [
      { key: 'hosts.1.role', line: 4, expected: 'one of core, personal, secondary, reserve', got: '"spare"' },
    ]
    expect(refusalOf('hosts:\n  - match: a\n  - match: b\n    role: spare\n').problems).toEqual(expected)
  })
})

function refusalOf(from: string | (() => unknown)): ConfigError {
  try {
    if (typeof from === 'string') parsePolicy(from, 'p.yaml')
    else from()
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error(`accepted: ${String(from)}`)
}
