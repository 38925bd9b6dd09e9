import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'

import { parseConfig } from '../../common/config.js'
import { exactDuration } from '../../common/units.js'
import { controllerConfigSchema } from '../config.js'
import { checkTable, type CheckRow } from '../model/check-table.js'
import { parsePolicy } from './policy-file.js'
import { checkNames, policyFileSchema, settingsOf } from './policy-schema.js'
import { inUnit } from './setting-unit.js'

/** docs/policy.md against the schema and the table of checks. */

const text = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')

/** Cells of the first table with that head after `from`. */
function table(head: string, from = ''): string[][] {
  const start = text.indexOf(head, text.indexOf(from))
  const [, , ...rows] = text.slice(start, text.indexOf('\n\n', start)).split('\n')
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

test('every key of the schema is documented, and no other', () => {
  const keys = new Set(
    keysOf(policyFileSchema).map((key) =>
      key.replace('[][]', '[]').replace(/^thresholds\.[^.]+\./, 'thresholds.CHECK.'),
    ),
  )
  for (const check of checkNames()) {
    for (const setting of Object.keys(settingsOf(check))) keys.delete(`thresholds.CHECK.${setting}`)
  }
  keys.add('thresholds.CHECK.SETTING')
  const documented = table('| key | what | default |').map(([key = '']) => key.replaceAll('`', ''))
  expect(documented.toSorted()).toEqual([...keys].toSorted())
})

test('every check is documented with its severity and times', () => {
  const expected = Object.entries(checkTable).map(([check, { says, severity, raiseAfterMs, clearAfterMs }]) => {
    return [`\`${check}\``, says, severity, `\`${exactDuration(raiseAfterMs)}\``, `\`${exactDuration(clearAfterMs)}\``]
  })
  expect(table('| check | what it says | severity | raise after | clear after |')).toEqual(expected)
})

test('every setting of a check is documented with its default', () => {
  const rows: readonly (readonly [string, CheckRow])[] = Object.entries(checkTable)
  const expected = rows.flatMap(([check, { settings = {} }]) =>
    Object.entries(settings).map(([key, { meaning, initial, unit }]) => {
      return [`\`thresholds.${check}.${key}\``, meaning, `\`${String(inUnit(initial, unit))}\``]
    }),
  )
  expect(table('| key | what | default |', 'Settings of checks:')).toEqual(expected)
})

/** Paths of all keys of a schema: `hosts[].match`. */
function keysOf(schema: unknown, path = ''): string[] {
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([key, inner]) => keysOf(inner, path === '' ? key : `${path}.${key}`))
  }
  if (schema instanceof z.ZodArray && path !== '') {
    const inner = keysOf(schema.element, `${path}[]`)
    return inner.length > 0 ? inner : [path]
  }
  // A transformation after the keys were read; before them there is only what takes a list or a single one.
  if (schema instanceof z.ZodPipe && !(schema.in instanceof z.ZodUnknown)) return keysOf(schema.in, path)
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) {
    return keysOf(schema.unwrap(), path)
  }
  return [path]
}

test('the routes in docs/alerts.md are a policy, the example of mail a configuration', () => {
  const alerts = readFileSync(new URL('../../docs/alerts.md', import.meta.url), 'utf8')
  const [policyText = '', controllerText = ''] = Array.from(alerts.matchAll(/```yaml\n(.*?)```/gs), ([, yaml]) => yaml)
  const { policy } = parsePolicy(policyText, 'docs/alerts.md')
  expect(policy.routes.map(({ to }) => to.map(({ kind }) => kind))).toEqual([
    ['email'],
    ['email'],
    ['alertmanager', 'webhook'],
  ])
  expect(parseConfig(controllerText, controllerConfigSchema, 'docs/alerts.md').mail?.host).toBe('mail.example.org')
})
