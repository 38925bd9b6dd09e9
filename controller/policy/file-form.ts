import { clock } from '../../common/allow-rules.js'
import { exactDuration, exactRate, exactShare, exactSize } from '../../common/units.js'
import type { CheckName, Threshold } from '../model/check-table.js'
import type { HeartbeatRule, MoveRules, Policy, RouteRule, TargetRule } from '../model/policy.js'
import { checkNames, settingsOf } from './policy-schema.js'
import { inUnit } from './setting-unit.js'

/** A value as it stands in a YAML file. */
export type FileValue = string | number | boolean | readonly FileValue[] | { readonly [key: string]: FileValue }

type FileMap = Readonly<Record<string, FileValue>>

/** The policy with all its defaults, in the form of a policy file: parsing that gives the same policy. */
export function fileForm(policy: Policy): FileMap {
  const { limits } = policy
  return {
    limits: given({
      vmMemory: exactSize(limits.vmMemoryBytes),
      hostReserve: exactSize(limits.hostReserveBytes),
      classMemory: given({
        core: sizeOf(limits.classMemoryBytes.core),
        personal: sizeOf(limits.classMemoryBytes.personal),
      }),
      vcpusPerCore: limits.vcpusPerCore,
    }),
    hosts: policy.hosts.map(({ match, role, reserveBytes }) => given({ match, role, reserve: sizeOf(reserveBytes) })),
    groups: policy.groups.map(({ name, match, class: vmClass, owner }) =>
      given({ name, match: someOf(match), class: vmClass, owner }),
    ),
    services: policy.services.map(({ name, members }) => given({ name, members: someOf(members) })),
    apart: policy.apart,
    arrays: policy.arrays.map(({ name, match, join, cacheBytes, drainBytesPerSecond, bulkCopyBytesPerSecond }) =>
      given({
        name,
        match,
        join: join || undefined,
        cache: sizeOf(cacheBytes),
        drain: rateOf(drainBytesPerSecond),
        bulkCopy: rateOf(bulkCopyBytesPerSecond),
      }),
    ),
    exceptions: policy.exceptions.map(({ vm, host, rule, reason }) => given({ vm, host, rule, reason })),
    routes: policy.routes.map(routeForm),
    silences: policy.silences.map(({ match, untilMs, author, reason }) => ({
      match: given(match),
      until: new Date(untilMs).toISOString().replace('.000Z', 'Z'),
      author,
      reason,
    })),
    approvals: policy.approvals.map(({ verbs, risks, vms, role, withinMs }) =>
      given({ verbs, risk: risks, vms, role, within: exactDuration(withinMs) }),
    ),
    moves: movesForm(policy.moves),
    ...given({ heartbeat: policy.heartbeat === undefined ? undefined : heartbeatForm(policy.heartbeat) }),
    thresholds: Object.fromEntries(
      checkNames().map((check) => [check, thresholdForm(check, policy.thresholds[check])]),
    ),
  }
}

function routeForm({ name, match, to, groupBy, groupWaitMs, groupIntervalMs, repeatMs }: RouteRule): FileMap {
  return {
    name,
    match: given({ severity: match.severity, check: match.check, group: match.group, owner: match.owner }),
    to: to.map((target) => {
      switch (target.kind) {
        case 'alertmanager':
          return { alertmanager: alertmanagerForm(target) }
        case 'webhook':
          return { webhook: { url: target.url, secretFile: target.secretFile } }
        case 'email':
          return { email: { to: target.to } }
      }
    }),
    groupBy,
    groupWait: exactDuration(groupWaitMs),
    groupInterval: exactDuration(groupIntervalMs),
    repeat: exactDuration(repeatMs),
  }
}

function alertmanagerForm({ url, resendMs, user, passwordFile, tokenFile }: AlertmanagerTarget): FileMap {
  return given({ url, resend: exactDuration(resendMs), user, passwordFile, tokenFile })
}

type AlertmanagerTarget = Extract<TargetRule, { readonly kind: 'alertmanager' }>

function heartbeatForm({ everyMs, url, alertmanager }: HeartbeatRule): FileMap {
  const told = alertmanager === undefined ? undefined : alertmanagerForm(alertmanager)
  return given({ every: exactDuration(everyMs), url, alertmanager: told })
}

function thresholdForm(check: CheckName, threshold: Threshold): FileMap {
  const settings = Object.entries(settingsOf(check)).map(([key, { unit }]) => {
    const value: unknown = Reflect.get(threshold, key)
    return [key, inUnit(typeof value === 'number' ? value : Number.NaN, unit)]
  })
  return given({
    severity: threshold.severity,
    raiseAfter: exactDuration(threshold.raiseAfterMs),
    clearAfter: exactDuration(threshold.clearAfterMs),
    ...Object.fromEntries(settings),
  })
}

function movesForm(moves: MoveRules): FileMap {
  const { pin, together, minGain, holdRounds, coolDownMs, mostPerPlan, mostPerHost, mostPerArray } = moves
  return {
    ...given({ pin: someOf(pin) }),
    together,
    minGain: exactShare(minGain),
    hold: holdRounds,
    coolDown: exactDuration(coolDownMs),
    mostPerPlan,
    mostPerHost,
    mostPerArray,
    automatic: moves.automatic.map(({ vms, window: { days, fromMinute, toMinute } }) => {
      return { vms, between: `${clock(fromMinute)}-${clock(toMinute)}`, days }
    }),
  }
}

function rateOf(bytesPerSecond: number | undefined): string | undefined {
  return bytesPerSecond === undefined ? undefined : exactRate(bytesPerSecond)
}

function sizeOf(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : exactSize(bytes)
}

function someOf(patterns: readonly string[]): readonly string[] | undefined {
  return patterns.length === 0 ? undefined : patterns
}

function given(fields: Readonly<Record<string, FileValue | undefined>>): FileMap {
  return Object.fromEntries(Object.entries(fields).filter((one): one is [string, FileValue] => one[1] !== undefined))
}
